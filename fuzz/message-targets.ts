import { readFileSync } from "node:fs";
import {
  type AgentConfigClaims,
  type MessageRefusalReason,
  MessageRefused,
  openTrustBundle,
  parseActivationKey,
  type TrustBundle,
} from "@postern/protocol";
import {
  type AgentTokenClaims,
  maxLiftSeconds,
  parseChallenge,
  type Signer,
  TokenRefused,
  verify,
} from "@postern/token";
import { receiveAnswer } from "../packages/agent/src/core/receive-answer.ts";
import { configKey, identityKey, rootKey } from "../packages/protocol/vectors/fixed-keys.ts";
import { type Kind, openers, type World } from "../packages/protocol/vectors/world.ts";
import { tokenKey } from "../packages/token/vectors/fixed-keys.ts";
import { contextOf, readVectors, type TokenVectors } from "../packages/token/vectors/read.ts";
import { mutateBytes } from "./mutate-bytes.ts";
import { spoiledMessage } from "./signed-input.ts";
import { promise, type Target } from "./target.ts";

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString("utf8");

/** The agent token, as an agent verifies it: by the clock and by a challenge. */
export function tokenTarget(): Target {
  type Case = { readonly token: string; readonly now: number; readonly challenge?: string };
  const valid = readVectors<TokenVectors<Case>>("valid.json");
  const cases = [...valid.cases, ...readVectors<TokenVectors<Case>>("refused.json").cases];
  const samples = strings(cases.map(({ token }) => token));
  const made = valid.cases[0]?.now ?? 0;
  // In a token's life, before it and after it: the input's length says which, so that a finding can be repeated.
  const contexts = [made, made, made + 900, made - 900].map((now) =>
    contextOf(valid, { now, challenge: "08J4CT4ANK7F24SX" }),
  );
  return {
    name: "token",
    outcomes: [
      "accepted",
      ...["malformed", "wrong_type", "wrong_algorithm", "unknown_key", "bad_signature", "wrong_cluster"],
      ...["wrong_tenant", "wrong_agent", "not_yet_valid", "expired", "challenge_mismatch", "action_not_allowed"],
    ],
    input: (random) => spoiledMessage(samples, random, () => tokenKey.signer),
    read(input) {
      const context = contexts[input.length % contexts.length] ?? contextOf(valid, { now: made });
      let claims: AgentTokenClaims;
      try {
        claims = verify(text(input), context);
      } catch (error) {
        if (error instanceof TokenRefused) return error.reason;
        throw error;
      }
      promise(claims.iss === `urn:postern:cluster:${context.clusterId}`, "the token is this cluster's");
      promise(claims.exp - claims.iat === 900, "a token lives 900 seconds");
      promise(claims.lift >= 1 && claims.lift <= maxLiftSeconds, "a lift has its bounds");
      promise(claims.act.includes("unprotect"), "the token allows it");
      promise(claims.chg === undefined || claims.chg === context.challenge, "the challenge is ours");
      promise(claims.chg !== undefined || context.now < claims.exp, "it has not expired");
      return "accepted";
    },
  };
}

const common = ["malformed", "wrong_type", "wrong_algorithm", "unknown_key", "bad_signature"] as const;

/** What each reader documents as its refusals. */
const refusals: Record<Kind, readonly MessageRefusalReason[]> = {
  "root-change": [...common, "wrong_cluster", "root_change_missing"],
  "trust-bundle": [...common, "wrong_cluster", "root_change_missing"],
  "agent-identity": [...common, "wrong_cluster"],
  "agent-config": [...common, "wrong_cluster", "wrong_tenant", "wrong_subject", "stale_revision"],
  "agent-previous": [...common, "wrong_cluster", "wrong_nonce", "wrong_subject"],
  "agent-enroll": common,
  "agent-enroll-answer": [
    ...common,
    ...(["wrong_cluster", "root_change_missing", "wrong_nonce", "wrong_tenant", "wrong_subject"] as const),
  ],
  "agent-check-in": [...common, "wrong_cluster", "wrong_subject"],
  "agent-answer": [
    ...common,
    ...(["wrong_cluster", "root_change_missing", "stale_bundle", "wrong_subject", "wrong_nonce"] as const),
  ],
};

const signers: Readonly<Record<string, Signer>> = {
  "root-change+jwt": rootKey,
  "trust-bundle+jwt": rootKey,
  "agent-check-in+jwt": identityKey,
  "agent-enroll+jwt": identityKey,
  "agent-previous+jwt": identityKey,
};

interface MessageVectors {
  readonly world: World;
  readonly cases: readonly { readonly kind: Kind; readonly message: string }[];
}

/** One kind of signed message between agent and cluster, opened as its receiver opens it. */
export function messageTarget(kind: Kind): Target {
  const { world, samples } = messagesOf(kind);
  const bundle = openTrustBundle(world.bundle, { version: 0, thumbprints: new Set(world.pinnedRoots) });
  const open = kind === "agent-answer" ? answerReader(world, bundle) : openers[kind];
  return {
    name: kind,
    outcomes: ["accepted", ...refusals[kind]],
    input: (random) => spoiledMessage(samples, random, (typ) => signers[typ] ?? configKey),
    read(input) {
      let opened: unknown;
      try {
        opened = open(text(input), world);
      } catch (error) {
        if (error instanceof MessageRefused) return error.reason;
        throw error;
      }
      if (kind === "agent-config") keepsConfigRules(opened as AgentConfigClaims, world, world.minRevision);
      promise(JSON.stringify(opened).length < 200_000, "what was accepted is bounded");
      return "accepted";
    },
  };
}

/** With the config in it, as the agent's core reads both: a config that is refused leaves the answer valid. */
function answerReader(world: World, bundle: TrustBundle): (message: string) => unknown {
  return (message) => {
    const { answer, config } = receiveAnswer(message, { ...world, bundle, appliedRev: world.minRevision });
    promise(answer.nonce === world.nonce && answer.sub === world.agentId, "the answer is for this request");
    if (config && "claims" in config) keepsConfigRules(config.claims, world, Math.max(answer.rev, world.minRevision));
    if (config && "refused" in config) {
      promise(
        refusals["agent-config"].some((code) => code === config.refused.code),
        "a config's refusal is documented",
      );
    }
    return answer;
  };
}

function keepsConfigRules(claims: AgentConfigClaims, world: World, minRevision: number): void {
  const { serviceProtection } = claims.cfg;
  promise(claims.sub === world.agentId && claims.tid === world.tenantId, "the config is for this agent");
  promise(Number.isSafeInteger(claims.rev) && claims.rev >= minRevision, "a config's revision only rises");
  promise(typeof serviceProtection.on === "boolean", "protection is on or not");
  promise(serviceProtection.liftSeconds >= 1 && serviceProtection.liftSeconds <= maxLiftSeconds, "a lift has bounds");
}

/** What a person or an installer hands to the agent and the console. */
export function typedTarget(name: "activation-key" | "challenge"): Target {
  const file = name === "challenge" ? "token/vectors/challenge.json" : "protocol/vectors/activation-key.json";
  const samples = strings(readFileSync(new URL(`../packages/${file}`, import.meta.url), "utf8").split('"'));
  return {
    name,
    outcomes: ["accepted", "undefined"],
    input: async (random) => mutateBytes(Buffer.from(random.pick(samples)), random),
    read(input) {
      if (name === "challenge") {
        const challenge = parseChallenge(text(input));
        promise(challenge === undefined || challenge.length === 16, "a challenge has 16 symbols");
        return challenge === undefined ? "undefined" : "accepted";
      }
      const key = parseActivationKey(text(input));
      promise(key === undefined || (key.secret.length === 43 && key.rootThumbprint.length === 43), "32 bytes each");
      return key ? "accepted" : "undefined";
    },
  };
}

function messagesOf(kind: Kind): { world: World; samples: readonly [string, ...string[]] } {
  const read = (file: string): MessageVectors =>
    JSON.parse(readFileSync(new URL(`../packages/protocol/vectors/${file}`, import.meta.url), "utf8"));
  const [valid, refused] = [read("valid.json"), read("refused.json")];
  const ofKind = (vectors: MessageVectors) => vectors.cases.filter((one) => one.kind === kind);
  // Good ones twice: what is spoiled already seldom gets any further.
  const messages = [...ofKind(valid), ...ofKind(valid), ...ofKind(refused)].map(({ message }) => message);
  return { world: valid.world, samples: strings(messages) };
}

function strings(list: readonly string[]): readonly [string, ...string[]] {
  const [first = "", ...rest] = list;
  return [first, ...rest];
}
