import type { CheckIn } from "@postern/protocol";
import type { Audit } from "../audit/record.ts";
import { systemOrigin } from "../http/origin.ts";
import type { ProfileSettings } from "../profiles/settings.ts";
import type { Tx } from "../schema.ts";
import type { KnownAgent } from "./agents.ts";
import { wantedSettings } from "./decommission.ts";

/**
 * The settings that an agent is sent: those wanted of it, but with protection on as long as it is kept on after a restore.
 *
 * A backup may be of a time when protection was not on yet. That nobody has switched it off is known by the agent alone,
 * and only people may switch it off: so it stays on until somebody changes the profile or the assignment, which then
 * stands in the database.
 */
export function settingsToSend(known: KnownAgent): ProfileSettings {
  const { agent } = known;
  const settings = wantedSettings(known);
  if (agent.kept_on_at === null || lastWill(known) > agent.kept_on_at) return settings;
  return { ...settings, serviceProtection: { ...settings.serviceProtection, on: true } };
}

/**
 * Whether protection is to be kept on: the agent is protected, by a config that is newer than any this cluster knows of,
 * and the one it would be sent now would take that away. Worth asking only of a cluster that was restored.
 */
export function wouldLoseProtection(known: KnownAgent, { applied, protection }: CheckIn): boolean {
  const { profileChangedAt, assignedAt, revisionLead } = known.revision;
  const isNewer = applied.rev > Math.max(profileChangedAt, assignedAt) + revisionLead;
  const isProtected = protection.state === "on" || protection.state === "lifted";
  return isNewer && isProtected && !settingsToSend(known).serviceProtection.on;
}

/** Keeps it on, and says so in the tenant's audit log. */
export async function keepProtection(tx: Tx, audit: Audit, known: KnownAgent): Promise<void> {
  const { agent, profile } = known;
  const { id, tenant_id: tenantId, host_name: name } = agent;
  await tx
    .updateTable("agent")
    .set({ kept_on_at: lastWill(known) })
    .where("tenant_id", "=", tenantId)
    .where("id", "=", id)
    .execute();
  audit.record(tx, {
    tenantId,
    action: "agent.keep-protection",
    outcome: "done",
    origin: systemOrigin,
    target: { kind: "agent", id, name },
    why: "protected when it came back after a restore",
    details: { profileId: profile.id, profile: profile.name },
  });
}

/** When people last said what is wanted of it. A package that is added, or another address, says nothing of protection. */
function lastWill({ profileEditedAt, revision }: KnownAgent): number {
  return Math.max(profileEditedAt, revision.assignedAt);
}
