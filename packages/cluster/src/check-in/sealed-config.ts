import { sealAgentConfig } from "@postern/protocol";
import { issuerOf, toUnixSeconds } from "@postern/token";
import type { KnownAgent } from "../agents/agents.ts";
import { toldConfigOf } from "../agents/told-config.ts";
import type { ClusterKeys } from "../keys/cluster-keys.ts";
import type { Db } from "../schema.ts";

/** Signs what the cluster wants of one agent, as revision `rev`. */
export async function sealConfigOf(
  db: Db,
  keys: ClusterKeys,
  known: KnownAgent,
  rev: number,
  now: number,
): Promise<string> {
  const { agent } = known;
  return sealAgentConfig(
    {
      iss: issuerOf(keys.clusterId),
      sub: agent.id,
      tid: agent.tenant_id,
      rev,
      iat: toUnixSeconds(now),
      cfg: await toldConfigOf(db, known),
    },
    keys.configSigner,
  );
}
