import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { type Configuration, Provider } from "oidc-provider";

/** What the identity provider knows of somebody, which a test changes at will. */
export interface ProviderPerson {
  claims: Record<string, unknown>;
  /** When he gave his password there; null: in the moment he is asked. */
  authenticatedAt: Date | null;
}

/** A real OpenID provider on loopback, which lets in whoever the test says is sitting there. */
export interface TestProvider {
  readonly issuer: string;
  readonly clientId: string;
  readonly clientSecret: string;
  readonly people: Map<string, ProviderPerson>;
  /** Who sits at the browser; null: he turns back at the log-in page. */
  present: string | null;
  /** How often somebody was asked for his password. */
  asked: number;
  /** Requests to the token endpoint. */
  tokenRequests: number;
  /** Gives ID tokens whose signature is not the provider's, as somebody between the two could. */
  forging: boolean;
  close(): Promise<void>;
}

const clientSecret = "the secret of the cluster at its provider";

export async function startTestProvider(
  redirectUri: string,
  { userinfo = true, port = 0 }: { readonly userinfo?: boolean; readonly port?: number } = {},
): Promise<TestProvider> {
  const server: Server = createServer();
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const provider = new Provider(issuer, configuration(redirectUri, userinfo, findPerson));

  const test: TestProvider = {
    issuer,
    clientId: "postern",
    clientSecret,
    people: new Map(),
    present: null,
    asked: 0,
    tokenRequests: 0,
    forging: false,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };

  function findPerson(subject: string): ProviderPerson | undefined {
    return test.people.get(subject);
  }

  const handle = provider.callback();
  server.on("request", (request, response) => {
    if (request.url?.startsWith("/interaction/")) {
      void finishInteraction(request, response);
      return;
    }
    if (request.url === "/token") test.tokenRequests += 1;
    if (request.url === "/token" && test.forging) alterSignature(response);
    void handle(request, response);
  });

  async function finishInteraction(...[request, response]: Parameters<typeof handle>): Promise<void> {
    const { prompt } = await provider.interactionDetails(request, response);
    if (test.present === null) {
      const error = { error: "access_denied", error_description: "nobody there" };
      return provider.interactionFinished(request, response, error);
    }
    test.asked += prompt.name === "login" ? 1 : 0;
    const { authenticatedAt = null } = test.people.get(test.present) ?? {};
    const ts = Math.floor((authenticatedAt?.getTime() ?? Date.now()) / 1000);
    return provider.interactionFinished(request, response, { login: { accountId: test.present, ts } });
  }
  return test;
}

function alterSignature(response: ServerResponse): void {
  const end = response.end.bind(response);
  response.end = ((body: string, ...rest: []) => {
    const answer = JSON.parse(body) as { id_token: string };
    const [header, claims, signature = ""] = answer.id_token.split(".");
    const altered = `${signature.startsWith("A") ? "B" : "A"}${signature.slice(1)}`;
    return end(JSON.stringify({ ...answer, id_token: `${header}.${claims}.${altered}` }), ...rest);
  }) as typeof response.end;
}

function configuration(
  redirectUri: string,
  userinfo: boolean,
  find: (subject: string) => ProviderPerson | undefined,
): Configuration {
  return {
    clients: [{ client_id: "postern", client_secret: clientSecret, redirect_uris: [redirectUri] }],
    claims: { openid: ["sub"], profile: ["preferred_username", "groups", "realm_access"], email: ["email"] },
    conformIdTokenClaims: userinfo,
    features: { devInteractions: { enabled: false }, userinfo: { enabled: userinfo } },
    cookies: { keys: ["a key of the test"] },
    interactions: { url: (_, { uid }) => `/interaction/${uid}` },
    ttl: { Interaction: 600, Grant: 600, Session: 86_400, AccessToken: 600, IdToken: 600, AuthorizationCode: 60 },
    pkce: { required: () => true },
    findAccount: (_, subject) => ({
      accountId: subject,
      claims: async () => ({ sub: subject, ...find(subject)?.claims }),
    }),
    // The one client needs no consent of anybody.
    loadExistingGrant: async (ctx) => {
      const { oidc } = ctx;
      const grant = new oidc.provider.Grant({
        ...(oidc.client && { clientId: oidc.client.clientId }),
        ...(oidc.session?.accountId && { accountId: oidc.session.accountId }),
      });
      grant.addOIDCScope("openid profile email");
      await grant.save();
      return grant;
    },
  };
}
