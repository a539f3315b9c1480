/** `2026-11-24T08:29:01Z`: an instant as everybody reads it, to the second. */
export function utcTime(instant: string | number): string {
  return `${new Date(instant).toISOString().slice(0, 19)}Z`;
}

/** `2026-11-24 09:29:01 GMT+1`: the same instant as the clock on the operator's wall shows it. */
export function localTime(instant: string | number, timeZone?: string): string {
  const formatter = new Intl.DateTimeFormat("en-US", {
    ...{ year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", second: "2-digit" },
    hourCycle: "h23",
    timeZoneName: "short",
    ...(timeZone === undefined ? {} : { timeZone }),
  });
  const parts = new Map(formatter.formatToParts(new Date(instant)).map(({ type, value }) => [type, value]));
  const part = (type: Intl.DateTimeFormatPartTypes) => parts.get(type) ?? "";
  const date = `${part("year")}-${part("month")}-${part("day")}`;
  return `${date} ${part("hour")}:${part("minute")}:${part("second")} ${part("timeZoneName")}`;
}

/** `14 min 59 s`, `3 h 20 min`, `2 d 4 h`: the two largest units, rounded down. */
export function duration(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const units = [
    { name: "d", size: 86_400 },
    { name: "h", size: 3_600 },
    { name: "min", size: 60 },
    { name: "s", size: 1 },
  ];
  const first = units.findIndex((unit) => seconds >= unit.size);
  if (first < 0) return "0 s";
  let left = seconds;
  const words: string[] = [];
  for (const unit of units.slice(first, first + 2)) {
    const count = Math.floor(left / unit.size);
    left -= count * unit.size;
    if (count > 0) words.push(`${count} ${unit.name}`);
  }
  return words.join(" ");
}

/** `3 min ago`, `in 14 min 59 s`. */
export function fromNow(instant: string | number, now: number): string {
  const ms = new Date(instant).getTime() - now;
  return ms < 0 ? `${duration(-ms)} ago` : `in ${duration(ms)}`;
}
