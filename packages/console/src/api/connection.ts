import { externalValue } from "../shared/external-value.ts";

/** Whether the cluster answers. While it does not, the page asks every two seconds whether it is back. */
export const connection = externalValue<"here" | "lost">("here");

const askEveryMs = 2_000;
let asking: number | undefined;

export function reportAnswer(): void {
  window.clearTimeout(asking);
  asking = undefined;
  connection.set("here");
}

/** Nobody answered, or the cluster said that it is not ready. */
export function reportSilence(): void {
  connection.set("lost");
  asking ??= window.setTimeout(ask, askEveryMs);
}

async function ask(): Promise<void> {
  asking = undefined;
  const ready = await fetch("/readyz", { cache: "no-store" }).then(
    ({ ok }) => ok,
    () => false,
  );
  if (ready) reportAnswer();
  else reportSilence();
}
