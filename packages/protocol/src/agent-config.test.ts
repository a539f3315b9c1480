import { expect, test } from "vitest";
import { configKey } from "../vectors/fixed-keys.ts";
import { agentId, clusterId, configClaims, tenantId } from "../vectors/samples.ts";
import { openAgentConfig, sealAgentConfig } from "./agent-config.ts";
import { verifyKeyOf } from "./ed25519.ts";

const configKeys = new Map([[configKey.kid, verifyKeyOf(configKey.publicJwk)]]);
const expected = { configKeys, clusterId, tenantId, agentId };

test.each([
  [configClaims.rev - 1, true],
  [configClaims.rev, true],
  [configClaims.rev + 1, false],
  [Number.NaN, false],
])("a config is new enough for %d: %s", async (minRevision, enough) => {
  const message = await sealAgentConfig(configClaims, configKey);
  const open = () => openAgentConfig(message, { ...expected, minRevision });
  if (enough) expect(open()).toStrictEqual(configClaims);
  else expect(open).toThrow(expect.objectContaining({ reason: "stale_revision" }));
});
