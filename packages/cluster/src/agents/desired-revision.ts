/** What an agent's revision is made of, as the cluster has it stored. */
export interface RevisionSources {
  /** Unix ms of the last change of what the profile's agents are told. */
  readonly profileChangedAt: number;
  /** Unix ms since which this profile is the agent's. */
  readonly assignedAt: number;
  /** How far this agent's revisions run ahead of those times; 0 unless it once reported one that was not known here. */
  readonly revisionLead: number;
}

/** A revision that an agent can be sent, and the lead that makes it so. */
export interface DesiredRevision {
  readonly rev: number;
  readonly revisionLead: number;
}

/** Times stay exact integers with room for every further change. An agent that reports more only harms itself. */
const highestRevision = 2 ** 52;

/**
 * The revision of the config that the cluster wants of an agent: the newest of the profile's and the assignment's
 * change. So one profile change is one row, not one for each agent.
 *
 * An agent that reports a higher one has been configured by a cluster that knew more: this one was restored from a
 * backup, or its clock went back. It is then led past what it reported, and stays led, so that later changes rise too.
 */
export function desiredRevision(sources: RevisionSources, reported: number): DesiredRevision {
  const own = Math.max(sources.profileChangedAt, sources.assignedAt);
  const known = own + sources.revisionLead;
  if (reported <= known || reported >= highestRevision) return { rev: known, revisionLead: sources.revisionLead };
  return { rev: reported + 1, revisionLead: reported + 1 - own };
}
