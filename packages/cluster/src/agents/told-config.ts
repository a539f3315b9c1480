import type { DesiredConfig } from "@postern/protocol";
import { readClusterUrls } from "../addresses/cluster-urls.ts";
import { packagesToTell } from "../packages/agent-packages.ts";
import { desiredConfigOf } from "../profiles/settings.ts";
import type { Db } from "../schema.ts";
import type { KnownAgent } from "./agents.ts";
import { settingsToSend } from "./kept-protection.ts";

/**
 * All that an agent is told: its profile's settings; at which addresses it finds the cluster, where somebody has said so;
 * and, where a version is wanted of it, the packages that may replace it. Read after the revision that it is sent as: what
 * changes in between raises the revision, and is told once more.
 */
export async function toldConfigOf(db: Db, known: KnownAgent): Promise<DesiredConfig> {
  const config = desiredConfigOf(settingsToSend(known));
  const { urls } = await readClusterUrls(db);
  const packages =
    config.desiredVersion === undefined ? [] : await packagesToTell(db, known.agent.platform, config.desiredVersion);
  return { ...config, ...(urls.length > 0 && { urls: [...urls] }), ...(packages.length > 0 && { packages }) };
}
