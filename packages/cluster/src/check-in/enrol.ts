import { openEnrolRequest, readPreviousProof, sealAgentIdentity, sealEnrolAnswer } from "@postern/protocol";
import { issuerOf, toUnixSeconds } from "@postern/token";
import { AdmissionRefused, type AdmissionRequest, admitAgent } from "../agents/admission.ts";
import { findAgentAnywhere } from "../agents/agents.ts";
import { desiredRevision } from "../agents/desired-revision.ts";
import type { AgentTable } from "../agents/tables.ts";
import type { Origin } from "../http/origin.ts";
import { Problem } from "../http/problems.ts";
import { readMessage } from "./read-message.ts";
import { sealConfigOf } from "./sealed-config.ts";
import type { CheckInServices } from "./services.ts";
import { nextOf } from "./timing.ts";

/**
 * Enrols an agent: verifies that it holds the identity key that it brings, admits it by its activation key, and answers
 * with all that it has to trust from now on. The same request again gives the same agent.
 *
 * @throws {Problem} message_refused and what `admitAgent` throws
 */
export async function enrolAgent(services: CheckInServices, message: string, origin: Origin): Promise<string> {
  const { clock, store } = services;
  const { claims, identityKey } = readMessage(() => openEnrolRequest(message));
  const { activationKeyId, secret, requestId, facts, nonce } = claims;
  const previous = claims.previous;
  const agent = await admit(services, origin, {
    activationKeyId,
    secret,
    requestId,
    identityKey,
    facts,
    nonce,
    clusterId: services.keys.clusterId,
    ...(previous !== undefined && { previous: readMessage(() => readPreviousProof(previous)) }),
  });
  const known = await findAgentAnywhere(store.reads, agent.id);
  if (known === undefined) throw new Problem("internal");

  const keys = await services.keys.fresh(); // of one moment: the bundle has the key that signs
  const now = clock.now();
  const identity = await sealAgentIdentity(
    {
      iss: issuerOf(keys.clusterId),
      sub: agent.id,
      tid: agent.tenant_id,
      jkt: identityKey.thumbprint,
      iat: toUnixSeconds(agent.enrolled_at),
    },
    keys.configSigner,
  );
  const { rev } = desiredRevision(known.revision, 0);
  return sealEnrolAnswer(
    {
      nonce,
      iat: toUnixSeconds(now),
      agentId: agent.id,
      tenantId: agent.tenant_id,
      clusterId: keys.clusterId,
      identity,
      bundle: keys.trustBundle.jws,
      config: await sealConfigOf(store.reads, keys, known, rev, now),
      next: { ...nextOf(services.timing, known.profile.settings.checkIn), afterMs: 0 },
    },
    keys.configSigner,
  );
}

async function admit(
  { store, audit, newId, clock, feed }: CheckInServices,
  origin: Origin,
  request: AdmissionRequest,
): Promise<AgentTable> {
  try {
    return await store.durable(async (tx) => {
      const agent = await admitAgent(tx, audit, origin, request, newId(), clock.now());
      feed.publish(tx, { kind: "agent", tenantId: agent.tenant_id, agentId: agent.id });
      return agent;
    });
  } catch (error) {
    // Only of keys whose secret was proved: otherwise anybody could fill a tenant's audit log.
    if (error instanceof AdmissionRefused) {
      const { id, tenant_id: tenantId } = error.key;
      await store.durable(async (tx) =>
        audit.record(tx, {
          tenantId,
          action: "agent.enrol",
          outcome: "refused",
          origin,
          target: { kind: "activation-key", id },
          why: error.code,
          details: { hostName: request.facts.hostName },
        }),
      );
    }
    throw error;
  }
}
