import { Loader } from "@mantine/core";
import { connection } from "../api/connection.ts";
import { useExternalValue } from "../shared/external-value.ts";
import classes from "./connection-banner.module.css";

/** Says that the cluster does not answer, until it does. */
export function ConnectionBanner() {
  const state = useExternalValue(connection);
  return (
    <div role="status">
      {state === "lost" && (
        <p className={classes["banner"]}>
          <Loader size={14} color="currentColor" aria-hidden />
          <span>
            <b>The cluster does not answer.</b> What you see may be out of date. The page goes on by itself as soon as
            it is back; nothing that you typed is lost.
          </span>
        </p>
      )}
    </div>
  );
}
