import { useNow } from "./now.ts";
import { localTime, relativeTime, utcTime } from "./times.ts";

/**
 * A time as people say it; the exact one, local and UTC, under the pointer and on focus. In the cells of a table give
 * `focusable={false}`: fifty stops of the tabulator are more hindrance than help, and the details say it again.
 */
export function RelativeTime({ at, focusable = true }: { readonly at: string; readonly focusable?: boolean }) {
  const ms = Date.parse(at);
  const now = useNow(10_000);
  return (
    <time
      dateTime={at}
      data-hint={`${localTime(ms)}\n${utcTime(ms)}`}
      tabIndex={focusable ? 0 : undefined}
      style={{ whiteSpace: "nowrap" }}
    >
      {relativeTime(ms, now)}
    </time>
  );
}

/** The exact time, local and UTC, in full. */
export function ExactTime({ at }: { readonly at: string }) {
  const ms = Date.parse(at);
  return (
    <time dateTime={at}>
      {localTime(ms)}{" "}
      <span style={{ color: "var(--mantine-color-dimmed)", whiteSpace: "nowrap" }}>({utcTime(ms)})</span>
    </time>
  );
}
