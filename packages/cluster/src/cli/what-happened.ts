import type { JournalEvent } from "./answers.ts";

/** What a journal entry says, and what the cluster found about it, in one line. */
export function whatOf({ data, redemption, forked, linked }: JournalEvent): string {
  const members = Object.entries(data).map(([name, value]) => `${name}=${value}`);
  const remarks = [
    redemption === null ? undefined : `token ${redemption}`,
    forked ? "another entry stands in its place" : undefined,
    linked ? undefined : "does not follow the entry before",
  ].filter((remark) => remark !== undefined);
  return [...members, ...(remarks.length > 0 ? [`(${remarks.join("; ")})`] : [])].join(" ");
}
