import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "../../test/running-cluster.ts";
import { type Caller, caller, logInAsAdmin, startTestCluster, type TestCluster } from "../test-cluster.fixture.ts";
import { startTestProvider, type TestProvider } from "./identity-provider.fixture.ts";

/** Somebody at the provider's log-in page. */
export interface Sitting {
  readonly groups?: unknown;
  readonly name?: string;
  readonly authenticatedAt?: Date;
  readonly more?: Record<string, unknown>;
}

/** A cluster whose people log in at a real OpenID provider on loopback. */
export interface ProviderScene {
  readonly cluster: TestCluster;
  readonly provider: TestProvider;
  readonly admin: Caller;
  /** The tenant of the map's `acme-ops`. */
  readonly acme: string;
  newBrowser(): ProviderBrowser;
  /** Puts somebody at the provider's log-in page. */
  sit(subject: string, who: Sitting): void;
  /** The same, and logs him in. */
  logInAs(subject: string, who: Sitting, browser?: ProviderBrowser): Promise<Caller>;
  /** What a browser reads that is not let in. */
  refusalOf(path: string, browser?: ProviderBrowser): Promise<unknown>;
  end(): Promise<void>;
}

export interface ProviderSceneOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** Whether the provider has a userinfo endpoint; else everything stands in the ID token. */
  readonly userinfo?: boolean;
  /** Looks at the cluster before the provider is there. */
  readonly whileAway?: (cluster: TestCluster) => Promise<void>;
}

export async function startProviderScene(options: ProviderSceneOptions = {}): Promise<ProviderScene> {
  const [port, providerPort] = [await freePort(), await freePort()];
  const directory = mkdtempSync(join(tmpdir(), "postern-provider-"));
  const env = settingsFor(directory, port, `http://127.0.0.1:${providerPort}`);
  const cluster = await startTestCluster({ env: { ...env, ...options.env } });
  await options.whileAway?.(cluster);
  const { userinfo = true } = options;
  const redirectUri = `http://127.0.0.1:${port}/oidc/callback`;
  const provider = await startTestProvider(redirectUri, { userinfo, port: providerPort });
  const admin = await logInAsAdmin(cluster);
  const acme: string = (await admin.send("POST", "/tenants", { name: "Acme" })).json.id;
  const newBrowser = () => new ProviderBrowser(cluster);

  function sit(subject: string, { groups, name = subject, authenticatedAt, more }: Sitting): void {
    const claims = { preferred_username: name, ...(groups !== undefined && { groups }), ...more };
    provider.people.set(subject, { claims, authenticatedAt: authenticatedAt ?? null });
    provider.present = subject;
  }

  return {
    cluster,
    provider,
    admin,
    acme,
    newBrowser,
    sit,
    async logInAs(subject, who, browser = newBrowser()) {
      sit(subject, who);
      const { response } = await browser.open("/oidc/login");
      if (response.status !== 200) throw new Error(`log-in answered ${await response.text()}`);
      return browser.caller();
    },
    async refusalOf(path, browser = newBrowser()) {
      const { response } = await browser.open(path);
      return response.json();
    },
    async end() {
      await cluster.close();
      await provider.close();
      rmSync(directory, { recursive: true });
    },
  };
}

function settingsFor(directory: string, port: number, issuer: string): Record<string, string> {
  const secretFile = join(directory, "secret");
  writeFileSync(secretFile, "the secret of the cluster at its provider\n");
  const mapFile = join(directory, "roles.json");
  const map = {
    "postern-admins": "site_admin",
    helpdesk: ["customer_support"],
    "acme-ops": ["tenant_owner@acme", "auditor@ACME"],
    "beta-ops": "tenant_owner@a tenant that is not there",
  };
  writeFileSync(mapFile, JSON.stringify(map));
  return {
    POSTERN_LISTEN: `127.0.0.1:${port}`,
    POSTERN_PUBLIC_URL: `http://127.0.0.1:${port}`,
    POSTERN_OIDC_ISSUER: issuer,
    POSTERN_OIDC_CLIENT_ID: "postern",
    POSTERN_OIDC_CLIENT_SECRET_FILE: secretFile,
    POSTERN_OIDC_ROLE_MAP: mapFile,
  };
}

/** Follows redirects and keeps cookies, for each origin its own. */
export class ProviderBrowser {
  readonly visited: URL[] = [];
  readonly #cluster: TestCluster;
  readonly #jars = new Map<string, Map<string, string>>();

  constructor(cluster: TestCluster) {
    this.#cluster = cluster;
  }

  async request(url: URL, headers: Readonly<Record<string, string>> = {}): Promise<Response> {
    this.visited.push(url);
    const jar = this.jar(url.origin);
    const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join("; ");
    const response = await fetch(url, { redirect: "manual", headers: { ...headers, cookie } });
    for (const line of response.headers.getSetCookie()) {
      const [name = "", value = ""] = (line.split(";", 1)[0] ?? "").split(/=(.*)/s);
      if (/expires=Thu, 01 Jan 1970/i.test(line)) jar.delete(name);
      else jar.set(name, value);
    }
    return response;
  }

  jar(origin: string): Map<string, string> {
    const jar = this.#jars.get(origin) ?? new Map<string, string>();
    this.#jars.set(origin, jar);
    return jar;
  }

  /** Goes to a page and on to where it leads, until `stopAt`. */
  async open(path: string, stopAt?: (url: URL) => boolean): Promise<{ response: Response; url: URL }> {
    let url = new URL(path, this.#cluster.url);
    for (let hops = 0; hops < 20; hops += 1) {
      const response = await this.request(url);
      const location = response.headers.get("location");
      if (location === null) return { response, url };
      url = new URL(location, url);
      if (stopAt?.(url)) return { response, url };
    }
    throw new Error("too many redirects");
  }

  /** The log-in up to the way back, which is not gone. */
  async upToCallback(path = "/oidc/login"): Promise<URL> {
    const { url } = await this.open(path, ({ pathname }) => pathname === "/oidc/callback");
    return url;
  }

  caller(): Caller {
    const cookie = `pst=${this.jar(this.#cluster.url).get("pst") ?? ""}`;
    return caller(this.#cluster, { cookie, "sec-fetch-site": "same-origin" });
  }
}
