const second = 1_000;
const minute = 60 * second;
const hour = 60 * minute;
const day = 24 * hour;

/** "just now" (ten seconds to either side), "3 min ago", "in 2 h", "5 days ago"; beyond 60 days the date. */
export function relativeTime(at: number, now: number): string {
  const away = Math.abs(now - at);
  const said = (text: string) => (at <= now ? `${text} ago` : `in ${text}`);
  if (away < 10 * second) return "just now";
  if (away < minute) return said(`${Math.floor(away / second)} s`);
  if (away < hour) return said(`${Math.floor(away / minute)} min`);
  if (away < day) return said(`${Math.floor(away / hour)} h`);
  if (away < 60 * day) {
    const days = Math.floor(away / day);
    return said(days === 1 ? "1 day" : `${days} days`);
  }
  return localTime(at, { dateStyle: "medium" });
}

/** In the person's own time zone and manner. */
export function localTime(
  at: number,
  style: Intl.DateTimeFormatOptions = { dateStyle: "medium", timeStyle: "medium" },
): string {
  return new Intl.DateTimeFormat(undefined, style).format(at);
}

/** `2026-11-24 12:05:00 UTC`, as it stands in logs. */
export function utcTime(at: number): string {
  return `${new Date(at).toISOString().slice(0, 19).replace("T", " ")} UTC`;
}

/** `14:59` for a countdown; `1:04:59` from an hour on. Never below zero. */
export function clockTime(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / second));
  const two = (value: number) => String(value).padStart(2, "0");
  const hours = Math.floor(seconds / 3_600);
  const rest = `${two(Math.floor((seconds % 3_600) / 60))}:${two(seconds % 60)}`;
  return hours > 0 ? `${hours}:${rest}` : rest;
}

/** "4 h", "1 h 30 min", "45 s". */
export function duration(seconds: number): string {
  const hours = Math.floor(seconds / 3_600);
  const minutes = Math.floor((seconds % 3_600) / 60);
  const rest = Math.floor(seconds % 60);
  const parts = [hours && `${hours} h`, minutes && `${minutes} min`, rest && hours === 0 && `${rest} s`].filter(
    Boolean,
  );
  return parts.length === 0 ? "0 s" : parts.join(" ");
}
