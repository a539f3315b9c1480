import { useQuery } from "@tanstack/react-query";
import { api, read } from "../../api/client.ts";
import type { AgentDetail, JournalEvent } from "../../api/types.ts";
import { Badge, type Tone } from "../../shared/badges.tsx";
import { Fact } from "../../shared/facts.tsx";
import { RelativeTime } from "../../shared/relative-time.tsx";
import { updateWords } from "./version-cell.tsx";

const tones: Readonly<Record<NonNullable<AgentDetail["update"]>["state"], Tone>> = {
  done: "good",
  updating: "info",
  waiting_for_package: "warn",
  newer: "mute",
};

/** How far an agent is on its way to the version that is wanted, and why it has not come there. */
export function UpdateFact({ agent: { id, update } }: { readonly agent: AgentDetail }) {
  const isUnderWay = update?.state === "updating";
  const failures = useQuery({
    queryKey: ["journal", id, "updates"],
    queryFn: () => newestFailure(id),
    enabled: isUnderWay,
  });
  if (update === null) return null;
  const failed = isUnderWay ? failures.data : undefined;
  const isOfThis = failed?.data["version"] === update.desiredVersion;
  return (
    <>
      <Fact name="Wanted version">
        {update.desiredVersion}{" "}
        <Badge tone={tones[update.state]}>{updateWords[update.state] ?? "That is the one it has"}</Badge>
      </Fact>
      <Fact name="Last try">
        {failed && isOfThis && (
          <>
            <Badge tone="bad">
              {failed.kind === "update_refused" ? "Refused" : "Failed"}: {String(failed.data["code"])}
            </Badge>{" "}
            <RelativeTime at={failed.at} />
          </>
        )}
      </Fact>
    </>
  );
}

/** As the agent's journal has it: what it has refused or could not do, whichever came last. */
async function newestFailure(id: string): Promise<JournalEvent | null> {
  const kinds = ["update_failed", "update_refused"];
  const pages = await Promise.all(
    kinds.map((kind) =>
      read(api.GET("/api/v1/agents/{id}/journal", { params: { path: { id }, query: { kind, limit: 1 } } })),
    ),
  );
  const newest = pages.flatMap(({ items }) => items).sort((a, b) => (a.at < b.at ? 1 : -1));
  return newest[0] ?? null;
}
