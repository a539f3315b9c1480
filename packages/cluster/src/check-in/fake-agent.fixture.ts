import { generateKeyPairSync, randomBytes, randomUUID } from "node:crypto";
import {
  type AgentConfigClaims,
  type Answer,
  type CheckIn,
  type Facts,
  type JournalEntry,
  journalEntryHash,
  journalStart,
  openAgentConfig,
  openAnswer,
  openEnrolAnswer,
  type PreviousProof,
  parseActivationKey,
  protocolHeader,
  sealCheckIn,
  sealEnrolRequest,
  sealPreviousProof,
  signerOf,
  type TrustBundle,
} from "@postern/protocol";
import { encodeBase64url, issuerOf, type Signer } from "@postern/token";

/** An answer of the cluster's as the test sees it: verified when it is a success, the problem otherwise. */
export interface Exchange {
  readonly status: number;
  readonly headers: Headers;
  readonly answer?: Answer;
  readonly config?: AgentConfigClaims;
  /** `code` of the problem. */
  readonly code?: string;
}

/** An agent without a workload: it speaks to the cluster over HTTP and believes only what an agent may believe. */
export interface FakeAgent {
  readonly agentId: string;
  readonly tenantId: string;
  readonly identityKey: Signer;
  /** What the cluster signed of who it is. */
  readonly identity: string;
  readonly journalId: string;
  readonly bundle: TrustBundle;
  /** The config applied last. */
  readonly applied: AgentConfigClaims;
  /** Writes an entry that goes along with every later check-in until it is acknowledged. */
  journal(kind: string, data?: JournalEntry["data"]): JournalEntry;
  /** Checks in, verifies the answer and applies its config. */
  checkIn(change?: Partial<CheckIn>, signal?: AbortSignal): Promise<Exchange>;
  /** A sealed check-in that was not sent. */
  seal(change?: Partial<CheckIn>): Promise<{ request: string; nonce: string }>;
  send(request: string, nonce: string, signal?: AbortSignal): Promise<Exchange>;
  /** From now on it speaks to the node at this address. */
  moveTo(url: string): void;
}

export const windowsFacts: Facts = {
  hostName: "db-07",
  platform: "windows",
  osVersion: "10.0.20348",
  arch: "x64",
  agentVersion: "0.1.0",
  machineId: "m-1",
  addresses: ["10.0.0.7"],
};

/** What an enrolment is made of, to be sent more than once or altered. */
export interface EnrolAttempt {
  readonly identityKey: Signer;
  readonly requestId: string;
  readonly facts: Facts;
  /** Makes the proof of who the machine was, for this enrolment. */
  readonly previous?: (enrolment: { requestId: string; nonce: string; jkt: string }) => Promise<string>;
}

/** The proof that a machine was this agent, made by its key. */
export function provesToBe(
  agent: FakeAgent,
  change: Partial<PreviousProof> = {},
): NonNullable<EnrolAttempt["previous"]> {
  const claims = { iss: issuerOf(agent.bundle.clusterId), sub: agent.agentId };
  return (enrolment) => sealPreviousProof({ ...claims, ...enrolment, ...change }, agent.identityKey);
}

export function newEnrolAttempt(facts: Partial<Facts> = {}): EnrolAttempt {
  return {
    identityKey: signerOf(generateKeyPairSync("ed25519").privateKey),
    requestId: randomUUID(),
    facts: { ...windowsFacts, ...facts },
  };
}

/** Posts a signed message the way agents do. */
export async function postMessage(
  url: string,
  request: string,
  options: { headers?: Record<string, string>; signal?: AbortSignal | undefined } = {},
): Promise<Response> {
  return fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json", [protocolHeader]: "1", ...options.headers },
    body: JSON.stringify({ request }),
    ...(options.signal && { signal: options.signal }),
  });
}

/** Sends one enrolment; gives the problem's code when it is refused. */
export async function tryEnrol(
  baseUrl: string,
  activationKey: string,
  attempt: EnrolAttempt,
): Promise<{ status: number; code?: string; agent?: FakeAgent }> {
  const key = parseActivationKey(activationKey);
  if (!key) throw new Error("not an activation key");
  const nonce = newNonce();
  const { requestId, facts, identityKey } = attempt;
  const previous = await attempt.previous?.({ requestId, nonce, jkt: identityKey.kid });
  const request = await sealEnrolRequest(
    {
      nonce,
      requestId,
      activationKeyId: key.id,
      secret: key.secret,
      facts,
      ...(previous !== undefined && { previous }),
    },
    identityKey,
  );
  const response = await postMessage(`${baseUrl}/agent/v1/enroll`, request);
  const body = (await response.json()) as { answer?: string; code?: string };
  if (body.answer === undefined) return { status: response.status, ...(body.code && { code: body.code }) };
  const opened = openEnrolAnswer(body.answer, {
    rootThumbprint: key.rootThumbprint,
    nonce,
    identityThumbprint: attempt.identityKey.kid,
  });
  const { agentId, tenantId, identity } = opened.answer;
  const start = { agentId, tenantId, identity, bundle: opened.bundle, config: opened.config };
  return { status: response.status, agent: createFakeAgent(baseUrl, attempt, start) };
}

/** Enrols, and fails the test when that is refused. */
export async function enrol(baseUrl: string, activationKey: string, facts: Partial<Facts> = {}): Promise<FakeAgent> {
  const { agent, status, code } = await tryEnrol(baseUrl, activationKey, newEnrolAttempt(facts));
  if (!agent) throw new Error(`enrolment was refused: ${status} ${code}`);
  return agent;
}

interface EnrolledState {
  readonly agentId: string;
  readonly tenantId: string;
  readonly identity: string;
  readonly bundle: TrustBundle;
  readonly config: AgentConfigClaims;
}

function createFakeAgent(baseUrl: string, attempt: EnrolAttempt, enrolled: EnrolledState): FakeAgent {
  const { agentId, tenantId } = enrolled;
  const { identityKey } = attempt;
  const journalId = randomUUID();
  const boot = Date.now();
  const entries: JournalEntry[] = [];
  let lastHash = journalStart(journalId);
  let lastSeq = 0;
  let n = 0;
  let url = baseUrl;
  let { bundle } = enrolled;
  let applied = enrolled.config;

  async function seal(change: Partial<CheckIn> = {}): Promise<{ request: string; nonce: string }> {
    n += 1;
    const nonce = newNonce();
    const supported = attempt.facts.platform === "windows";
    const claims: CheckIn = {
      sub: agentId,
      nonce,
      boot,
      n,
      protection: {
        state: !supported ? "unsupported" : applied.cfg.serviceProtection.on ? "on" : "off",
        since: boot,
        layers: {},
      },
      applied: { rev: applied.rev },
      bundleVer: bundle.version,
      journal: { id: journalId, entries: [...entries] },
      ...change,
    };
    return { request: await sealCheckIn(claims, identityKey), nonce };
  }

  async function send(request: string, nonce: string, signal?: AbortSignal): Promise<Exchange> {
    const response = await postMessage(`${url}/agent/v1/check-in`, request, { signal });
    const body = (await response.json()) as { answer?: string; code?: string };
    const { status, headers } = response;
    if (body.answer === undefined) return { status, headers, ...(body.code && { code: body.code }) };
    const opened = openAnswer(body.answer, { bundle, agentId, nonce });
    bundle = opened.bundle;
    const { answer } = opened;
    while (entries[0] && entries[0].seq <= answer.journalAcked) entries.shift();
    if (answer.config === undefined) return { status, headers, answer };
    applied = openAgentConfig(answer.config, {
      configKeys: bundle.configKeys,
      clusterId: bundle.clusterId,
      tenantId,
      agentId,
      minRevision: Math.max(answer.rev, applied.rev),
    });
    return { status, headers, answer, config: applied };
  }

  return {
    agentId,
    tenantId,
    identityKey,
    identity: enrolled.identity,
    journalId,
    get bundle() {
      return bundle;
    },
    get applied() {
      return applied;
    },
    journal(kind, data = {}) {
      lastSeq += 1;
      const entry = { seq: lastSeq, at: boot, trustedAt: boot + 7, kind, data, prev: lastHash };
      lastHash = journalEntryHash(entry);
      entries.push(entry);
      return entry;
    },
    seal,
    send,
    async checkIn(change, signal) {
      const { request, nonce } = await seal(change);
      return send(request, nonce, signal);
    },
    moveTo(other) {
      url = other;
    },
  };
}

function newNonce(): string {
  return encodeBase64url(randomBytes(16));
}
