import { issuerOf, type Signer, type VerifyKey } from "@postern/token";
import Type from "typebox";
import { maxIdentityChars } from "./limits.ts";
import { MessageRefused } from "./refusal.ts";
import { Issuer, Seconds, Sha256, Uuid } from "./schemas.ts";
import { messageKind, openMessage, sealMessage } from "./signed-message.ts";

const AgentIdentity = Type.Object({
  iss: Issuer,
  sub: Uuid,
  tid: Uuid,
  /** Thumbprint of the agent's identity key. */
  jkt: Sha256,
  iat: Seconds,
});
export type AgentIdentity = Type.Static<typeof AgentIdentity>;

const agentIdentity = messageKind("agent-identity+jwt", maxIdentityChars, AgentIdentity);

/** Signs with the config key that this agent, with this key, belongs to this tenant: a lost row is rebuilt from it. */
export async function sealAgentIdentity(claims: AgentIdentity, signer: Signer): Promise<string> {
  return sealMessage(agentIdentity, claims, signer);
}

/** @throws {MessageRefused} what `openMessage` throws; wrong_cluster */
export function openAgentIdentity(
  message: string,
  clusterId: string,
  configKeys: ReadonlyMap<string, VerifyKey>,
): AgentIdentity {
  const claims = openMessage(agentIdentity, message, configKeys);
  if (claims.iss !== issuerOf(clusterId)) throw new MessageRefused("wrong_cluster");
  return claims;
}
