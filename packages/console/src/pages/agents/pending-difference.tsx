import { useQuery } from "@tanstack/react-query";
import { api, read } from "../../api/client.ts";
import { differences, SettingsDifference } from "../../shared/difference.tsx";
import { Panel } from "../../shared/facts.tsx";

/**
 * What an agent that is behind has not applied yet: the profile's version of then, against what is wanted now. Nothing
 * where that version cannot be told: the agent may have had another profile then, or the version is gone.
 */
export function PendingDifference({
  profileId,
  appliedRev,
  desired,
}: {
  readonly profileId: string;
  /** A time, in milliseconds: a revision is when the profile or the assignment changed last. */
  readonly appliedRev: number;
  readonly desired: Readonly<Record<string, unknown>>;
}) {
  const versions = useQuery({
    queryKey: ["profile", profileId, "versions", "newest"],
    queryFn: () =>
      read(api.GET("/api/v1/profiles/{id}/versions", { params: { path: { id: profileId }, query: { limit: 100 } } })),
  });
  const then = versions.data?.items.find(({ madeAt }) => Date.parse(madeAt) <= appliedRev);
  if (then === undefined) return null;
  const known: Readonly<Record<string, unknown>> = then;
  const before = Object.fromEntries(
    Object.keys(desired).flatMap((name) => (name in known ? [[name, known[name]]] : [])),
  );
  const after = Object.fromEntries(Object.keys(before).map((name) => [name, desired[name]]));
  // A config leaves out what is empty.
  const changes = differences(before, after).filter((one) => !(one.after === undefined && isEmpty(one.before)));
  if (changes.length === 0) return null;
  return (
    <Panel title="Not applied yet">
      <SettingsDifference changes={changes} before={`Applied (version ${then.version})`} after="Desired" />
    </Panel>
  );
}

function isEmpty(value: unknown): boolean {
  return value === null || value === undefined || (Array.isArray(value) && value.length === 0);
}
