import fc from "fast-check";
import { encodeChallenge } from "../src/challenge.ts";
import type { AgentTokenClaims } from "../src/claims.ts";
import type { UnixSeconds } from "../src/unix-seconds.ts";

/** Claims that {@link mint} takes, all over their range, for whoever is in {@link AgentTokenClaims.aud}. */
export function anyClaims(): fc.Arbitrary<AgentTokenClaims> {
  const id = fc.uuid({ version: 7 });
  const target = fc.oneof(
    fc.constant("cluster"),
    id.map((tenant) => `tenant:${tenant}`),
    id.map((agent) => `agent:${agent}`),
  );
  const challenge = fc.option(fc.uint8Array({ minLength: 10, maxLength: 10 }).map(encodeChallenge));
  return fc
    .record({
      cluster: fc.uuid(),
      aud: target,
      jti: id,
      iat: fc.nat(2 ** 40),
      delay: fc.nat(899),
      before: fc.array(anyText(20), { maxLength: 3 }),
      lift: fc.integer({ min: 1, max: 86_400 }),
      challenge,
    })
    .map(({ cluster, aud, jti, iat, delay, before, lift, challenge }) => ({
      iss: `urn:postern:cluster:${cluster}`,
      aud,
      jti,
      iat: iat as UnixSeconds,
      nbf: (iat + delay) as UnixSeconds,
      exp: (iat + 900) as UnixSeconds,
      act: [...before, "unprotect"],
      lift,
      ...(challenge !== null && aud.startsWith("agent:") ? { chg: challenge } : {}),
    }));
}

/** Text of any UTF-16 code units, lone surrogates among them. */
export function anyText(maxLength = 40): fc.Arbitrary<string> {
  return fc.string({ unit: fc.nat(0xffff).map((unit) => String.fromCharCode(unit)), maxLength });
}
