import classes from "./command-line.module.css";
import { CopyButton } from "./copy-button.tsx";

/** A command to be run somewhere, ready to copy. A secret in it can be kept from looks by `shown`. */
export function CommandLine({
  command,
  shown = command,
  what = "the command",
}: {
  readonly command: string;
  readonly shown?: string;
  readonly what?: string;
}) {
  return (
    <div className={classes["box"]}>
      <code>{shown}</code>
      <CopyButton text={command} what={what} />
    </div>
  );
}
