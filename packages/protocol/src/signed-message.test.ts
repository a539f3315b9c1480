import { maxTokenChars, mint, parseCompact, toUnixSeconds, verify } from "@postern/token";
import fc from "fast-check";
import Type from "typebox";
import { describe, expect, test } from "vitest";
import { anyMessage, anyText } from "../vectors/arbitrary.ts";
import { configKey, identityKey, rootKey, tokenKey } from "../vectors/fixed-keys.ts";
import { agentId, clusterId, configClaims, iat, sampleMessages, sampleWorld, tenantId } from "../vectors/samples.ts";
import { type Kind, kinds, openers } from "../vectors/world.ts";
import { type AgentConfigClaims, sealAgentConfig } from "./agent-config.ts";
import { verifyKeyOf } from "./ed25519.ts";
import { maxIdentityChars, maxMessageChars, maxPreviousChars, maxRootChangeChars } from "./limits.ts";
import { MessageRefused } from "./refusal.ts";
import { messageKind, sealMessage } from "./signed-message.ts";

const world = await sampleWorld();
const samples = await sampleMessages();

/** The reason why `message` is refused; undefined when it is opened. Fails on any other exception. */
function refusal(kind: Kind, message: string): string | undefined {
  try {
    openers[kind](message, world);
    return undefined;
  } catch (error) {
    if (!(error instanceof MessageRefused)) throw error;
    return error.reason;
  }
}

describe.each(kinds)("%s", (kind) => {
  test("what is sealed is opened again", async () => {
    await fc.assert(
      fc.asyncProperty(anyMessage[kind], async ({ claims, seal }) => {
        const opened = openers[kind](await seal(), world);
        // A bundle opens to keys; what it says is held against the vectors.
        if (kind !== "trust-bundle" && kind !== "root-change")
          expect(opened).toStrictEqual(JSON.parse(JSON.stringify(claims)));
      }),
      { numRuns: 50 },
    );
  });

  test("any flipped bit is refused", () => {
    const message = samples[kind];
    fc.assert(
      fc.property(fc.nat(message.length - 1), fc.nat(15), (i, bit) => {
        const flipped = String.fromCharCode(message.charCodeAt(i) ^ (1 << bit));
        expect(refusal(kind, message.slice(0, i) + flipped + message.slice(i + 1))).toBeDefined();
      }),
      { numRuns: 400 },
    );
  });

  test("any other character of the alphabet is refused", () => {
    const message = samples[kind];
    const symbol = fc.constantFrom(..."ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_");
    fc.assert(
      fc.property(fc.nat(message.length - 1), symbol, (i, other) => {
        fc.pre(message.charAt(i) !== other);
        expect(refusal(kind, message.slice(0, i) + other + message.slice(i + 1))).toBeDefined();
      }),
      { numRuns: 400 },
    );
  });

  test("any truncation, at either end, is refused", () => {
    const message = samples[kind];
    for (let length = 0; length < message.length; length++) {
      expect(refusal(kind, message.slice(0, length)), `first ${length}`).toBeDefined();
      expect(refusal(kind, message.slice(message.length - length)), `last ${length}`).toBeDefined();
    }
  });

  test("any added character is refused, white space around included", () => {
    const message = samples[kind];
    const added = fc.constantFrom("A", "_", ".", "=", "\u0000", " ", "\n", "\ufeff", "é", "\ud800");
    fc.assert(
      fc.property(fc.oneof(fc.constantFrom(0, message.length), fc.nat(message.length)), added, (at, character) => {
        expect(refusal(kind, message.slice(0, at) + character + message.slice(at))).toBe("malformed");
      }),
      { numRuns: 200 },
    );
  });

  test("any text at all is refused with nothing but a reason", () => {
    const part = fc.oneof(
      anyText(),
      fc.json().map((json) => Buffer.from(json).toString("base64url")),
    );
    const text = fc.oneof(
      anyText(),
      fc.string({ unit: fc.constantFrom("\ud800", "\udfff", "\u0000", ".", "A") }),
      fc.array(part, { maxLength: 5 }).map((parts) => parts.join(".")),
    );
    fc.assert(
      fc.property(text, (message) => {
        expect(refusal(kind, message)).toBe("malformed");
      }),
    );
    for (const unit of ["A", ".", " ", "\u0000", "\ud800"])
      expect(refusal(kind, unit.repeat(2 ** 20))).toBe("malformed");
  });

  test.each(kinds.filter((other) => other !== kind))("is not taken for %s", (other) => {
    const limits: Partial<Record<Kind, number>> = {
      "agent-identity": maxIdentityChars,
      "root-change": maxRootChangeChars,
      "agent-previous": maxPreviousChars,
    };
    const tooLong = samples[kind].length > (limits[other] ?? Number.POSITIVE_INFINITY);
    expect(refusal(other, samples[kind])).toBe(tooLong ? "malformed" : "wrong_type");
  });

  test("is not taken for an agent token, even by an agent that took its key for a token key", () => {
    const kid = String(parseCompact(samples[kind], maxMessageChars)?.unverifiedHeader["kid"]);
    const signer = [rootKey, configKey, identityKey].find((key) => key.kid === kid) ?? tokenKey;
    const tokenKeys = new Map([[kid, verifyKeyOf(signer.publicJwk)]]);
    const context = { tokenKeys, clusterId, tenantId, agentId, now: toUnixSeconds(iat * 1000) };
    const reason = samples[kind].length > maxTokenChars ? "malformed" : "wrong_type";
    expect(() => verify(samples[kind], context)).toThrow(expect.objectContaining({ name: "TokenRefused", reason }));
  });
});

test("an agent token is not taken for any message, even signed with the right key", async () => {
  const at = toUnixSeconds(iat * 1000);
  const claims = {
    iss: `urn:postern:cluster:${clusterId}`,
    aud: `agent:${agentId}`,
    jti: agentId,
    iat: at,
    nbf: at,
    exp: toUnixSeconds((iat + 900) * 1000),
    act: ["unprotect"],
    lift: 14_400,
  };
  const token = await mint(claims, configKey);
  for (const kind of kinds) expect(refusal(kind, token), kind).toBe("wrong_type");
});

describe("sealing", () => {
  test("signs nothing that the schema does not name, at any depth", async () => {
    const { cfg } = configClaims;
    const more = {
      ...configClaims,
      secret: "hunter2",
      cfg: { ...cfg, secret: "hunter2", serviceProtection: { ...cfg.serviceProtection, secret: "hunter2" } },
    };
    expect(await sealAgentConfig(more, configKey)).toBe(await sealAgentConfig(configClaims, configKey));
  });

  test("its caller's header cannot change type, algorithm or key", async () => {
    const kind = messageKind("note+jwt", 400, Type.Object({}));
    const message = await sealMessage(kind, {}, configKey, {
      typ: "agent-config+jwt",
      alg: "none",
      kid: "other",
      x: 1,
    });
    expect(parseCompact(message, 400)?.unverifiedHeader).toStrictEqual({
      typ: "note+jwt",
      alg: "Ed25519",
      kid: configKey.kid,
      x: 1,
    });
  });

  test("leaves its argument as it was", async () => {
    const more = { ...configClaims, extra: 1 };
    await sealAgentConfig(more, configKey);
    expect(more.extra).toBe(1);
  });

  test("refuses a message longer than its reader takes", async () => {
    const kind = messageKind("note+jwt", 400, Type.Object({ text: Type.String() }));
    const overhead = (await sealMessage(kind, { text: "" }, configKey)).length;
    const room = Math.floor(((400 - overhead) * 3) / 4);
    expect((await sealMessage(kind, { text: "x".repeat(room) }, configKey)).length).toBeLessThanOrEqual(400);
    await expect(sealMessage(kind, { text: "x".repeat(room + 2) }, configKey)).rejects.toThrow(TypeError);
  });

  test.each<[string, Partial<Record<keyof AgentConfigClaims, unknown>>]>([
    ["a subject that is no id", { sub: "agent" }],
    ["a revision that is no number", { rev: Number.NaN }],
    ["no settings", { cfg: undefined }],
  ])("refuses %s", async (_, members) => {
    await expect(sealAgentConfig({ ...configClaims, ...members } as AgentConfigClaims, configKey)).rejects.toThrow(
      "not the claims of agent-config+jwt",
    );
  });
});

test("a refusal says nothing of the message", () => {
  try {
    openers["agent-config"](samples["agent-config"], { ...world, agentId: clusterId });
    expect.unreachable();
  } catch (error) {
    expect(error).toMatchObject({ name: "MessageRefused", reason: "wrong_subject" });
    const told = `${(error as MessageRefused).message} ${JSON.stringify(error)}`;
    for (const secret of [agentId, clusterId, tenantId, configKey.kid]) expect(told).not.toContain(secret);
  }
});
