import { createHmac } from "node:crypto";
import * as client from "openid-client";
import type { Clock, UnixMs } from "../clock.ts";
import type { OidcConfig } from "../config/oidc.ts";
import { Problem } from "../http/problems.ts";
import { identityLimits } from "./limits.ts";

/** What the identity provider says of somebody who has logged in there; checked, and not yet looked up here. */
export interface ProviderLogin {
  readonly issuer: string;
  /** Unique at the issuer. Everything else that it says may change, and names are no proof of anything. */
  readonly subject: string;
  /** What the person is called there, best first. */
  readonly names: readonly string[];
  /** The values of the claim that the role map is about. */
  readonly roleValues: readonly string[];
  /** When the person last gave the password there, or what stands for it. */
  readonly authenticatedAt: UnixMs;
}

/** One attempt to log in: a secret that its browser keeps, and whether the provider must ask for the password. */
export interface ProviderAttempt {
  readonly secret: string;
  readonly again: boolean;
}

/** Logs people in by OpenID Connect: authorization code, PKCE (RFC 7636), state and nonce. */
export interface IdentityProvider {
  /** Where to send the browser. @throws {Problem} provider_unavailable */
  urlFor(attempt: ProviderAttempt): Promise<URL>;
  /**
   * What the provider says, once the browser came back to `callback` with its query.
   *
   * @throws {Problem} provider_unavailable, provider_login_failed
   */
  finish(callback: URLSearchParams, attempt: ProviderAttempt): Promise<ProviderLogin>;
}

export function createIdentityProvider(oidc: OidcConfig, clientSecret: string, clock: Clock): IdentityProvider {
  const configuration = keptFor(identityLimits.providerMetadataMs, clock, () => discover(oidc, clientSecret));
  const redirectUri = `${oidc.publicUrl}${callbackPath}`;

  return {
    async urlFor({ secret, again }) {
      const { state, nonce, codeVerifier } = partsOf(secret);
      return client.buildAuthorizationUrl(await configuration(), {
        redirect_uri: redirectUri,
        scope: oidc.scope,
        state,
        nonce,
        code_challenge: await client.calculatePKCECodeChallenge(codeVerifier),
        code_challenge_method: "S256",
        ...(again && { prompt: "login" }),
        // With it the provider must say when the person logged in (OpenID Connect Core §2, auth_time).
        max_age: String(again ? 0 : identityLimits.sessionMaxMs / 1000),
      });
    },

    async finish(callback, { secret, again }) {
      const config = await configuration();
      const { state, nonce, codeVerifier } = partsOf(secret);
      try {
        const tokens = await client.authorizationCodeGrant(config, new URL(`${redirectUri}?${callback}`), {
          expectedState: state,
          expectedNonce: nonce,
          pkceCodeVerifier: codeVerifier,
          idTokenExpected: true,
          maxAge: (again ? identityLimits.providerLoginMs : identityLimits.sessionMaxMs) / 1000,
        });
        const claims = tokens.claims();
        if (claims?.auth_time === undefined) throw new Error("the ID token has no auth_time");
        const more = await moreClaims(config, oidc, tokens.access_token, claims);
        const all = { ...more, ...claims };
        return {
          issuer: claims.iss,
          subject: claims.sub,
          names: [all["preferred_username"], all["email"], claims.sub].filter((name) => typeof name === "string"),
          roleValues: textsIn(claimAt(all, oidc.roleClaim)),
          authenticatedAt: claims.auth_time * 1000,
        };
      } catch (error) {
        throw new Problem("provider_login_failed", sentenceOf(error), { cause: error });
      }
    },
  };
}

/** Where the provider sends people back to; it must be registered there. */
export const callbackPath = "/oidc/callback";

async function discover(oidc: OidcConfig, clientSecret: string): Promise<client.Configuration> {
  const issuer = new URL(oidc.issuer);
  const basic = client.ClientSecretBasic(clientSecret);
  const inBody = client.ClientSecretPost(clientSecret);
  const authenticate: client.ClientAuth = (server, ...rest) => {
    // OpenID Connect Discovery §3: a provider that says nothing takes client_secret_basic.
    const methods = server.token_endpoint_auth_methods_supported ?? ["client_secret_basic"];
    return (methods.includes("client_secret_basic") ? basic : inBody)(server, ...rest);
  };
  const metadata = { [client.clockTolerance]: identityLimits.providerClockMs / 1000 };
  try {
    return await client.discovery(issuer, oidc.clientId, metadata, authenticate, {
      timeout: identityLimits.providerAnswerMs / 1000,
      execute: [
        client.enableNonRepudiationChecks, // the ID token's signature, whatever TLS says
        ...(issuer.protocol === "http:" ? [client.allowInsecureRequests] : []), // only on loopback, see the config
      ],
    });
  } catch (error) {
    throw new Problem("provider_unavailable", undefined, { cause: error, headers: { "retry-after": "5" } });
  }
}

/** The browser keeps one secret; all that must not be guessed of an attempt comes out of it, so no node keeps anything. */
function partsOf(secret: string) {
  const part = (label: string) => createHmac("sha256", secret).update(label).digest("base64url");
  return { state: part("state"), nonce: part("nonce"), codeVerifier: part("code_verifier") };
}

/** Some providers give a person's groups and name at their userinfo endpoint only. */
async function moreClaims(
  config: client.Configuration,
  { roleClaim }: OidcConfig,
  accessToken: string,
  claims: client.IDToken,
): Promise<object> {
  const complete = claimAt(claims, roleClaim) !== undefined && claims["preferred_username"] !== undefined;
  if (complete || config.serverMetadata().userinfo_endpoint === undefined) return {};
  return client.fetchUserInfo(config, accessToken, claims.sub);
}

/** A claim by its name or, when there is none of that name, by a path of names with dots between. */
function claimAt(claims: object, path: string): unknown {
  const members = claims as Readonly<Record<string, unknown>>;
  if (Object.hasOwn(members, path)) return members[path];
  return path.split(".").reduce<unknown>((inner, name) => {
    const isObject = typeof inner === "object" && inner !== null && Object.hasOwn(inner, name);
    return isObject ? (inner as Record<string, unknown>)[name] : undefined;
  }, claims);
}

function textsIn(claim: unknown): string[] {
  return [claim].flat().filter((value) => typeof value === "string");
}

function sentenceOf(error: unknown): string | undefined {
  if (!(error instanceof client.AuthorizationResponseError)) return undefined;
  return error.error === "access_denied" ? "The identity provider says that access was denied." : undefined;
}

/** Asks once for all who ask at the same time, and keeps the answer for a while; not a failure. */
function keptFor<Answer>(ms: number, clock: Clock, ask: () => Promise<Answer>): () => Promise<Answer> {
  let kept: { readonly answer: Promise<Answer>; readonly until: UnixMs } | undefined;
  return () => {
    if (kept !== undefined && clock.now() < kept.until) return kept.answer;
    const answer = ask();
    const own = { answer, until: clock.now() + ms };
    kept = own;
    answer.catch(() => {
      if (kept === own) kept = undefined;
    });
    return answer;
  };
}
