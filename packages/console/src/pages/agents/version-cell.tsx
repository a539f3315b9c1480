import type { Agent } from "../../api/types.ts";

/** The states of an update that are worth a word; those of whom all is as wanted have none. */
export const updateWords: Readonly<Partial<Record<NonNullable<Agent["update"]>["state"], string>>> = {
  updating: "Updating",
  waiting_for_package: "Waiting for a package",
  newer: "Newer than is wanted",
};

/** The version that an agent has, and the one that is wanted of it where that is another. */
export function VersionCell({ agentVersion, update }: Pick<Agent, "agentVersion" | "update">) {
  const word = update === null ? undefined : updateWords[update.state];
  if (update === null || word === undefined) return <span className="number">{agentVersion}</span>;
  return (
    <span className="number" data-hint={`${word}: its profile wants ${update.desiredVersion}.`}>
      {agentVersion} → {update.desiredVersion}
    </span>
  );
}
