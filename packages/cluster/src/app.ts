import type { FastifyRequest } from "fastify";
import { Registry } from "prom-client";
import { addressRoutes } from "./addresses/routes.ts";
import { activationKeyRoutes } from "./agents/activation-key-routes.ts";
import { agentsByBundle } from "./agents/agents-by-bundle.ts";
import { startCleanUp } from "./agents/clean-up.ts";
import { cleanUpRoutes } from "./agents/clean-up-routes.ts";
import { decommissionRoutes } from "./agents/decommission-routes.ts";
import { deletionRoutes } from "./agents/deletion-routes.ts";
import { dropRoutes } from "./agents/drop-routes.ts";
import { startFollowUps } from "./agents/follow-up.ts";
import { intentRoutes } from "./agents/intent-routes.ts";
import { labelRoutes } from "./agents/label-routes.ts";
import { agentLimits } from "./agents/limits.ts";
import { agentListRoutes } from "./agents/list-routes.ts";
import { profileUse } from "./agents/profile-use.ts";
import { agentRoutes } from "./agents/routes.ts";
import { standingRoutes } from "./agents/standing-routes.ts";
import { packageUse, tellAddresses } from "./agents/tell-agents.ts";
import { countUsableActivationKeys } from "./agents/usable-activation-keys.ts";
import { checkpointRoutes } from "./audit/checkpoint-routes.ts";
import { auditRoutes } from "./audit/routes.ts";
import { verificationRoutes } from "./audit/verification-routes.ts";
import { checkInRoutes } from "./check-in/routes.ts";
import { type CheckInTiming, usualTiming } from "./check-in/timing.ts";
import { isReachedByTls } from "./config/config.ts";
import type { OidcConfig } from "./config/oidc.ts";
import { alarmRoutes } from "./events/alarm-routes.ts";
import { startAlarmWatch } from "./events/alarm-watch.ts";
import { raiseTokenAltered } from "./events/alarms.ts";
import { alarmLimits } from "./events/limits.ts";
import { eventRoutes } from "./events/routes.ts";
import { createStreamHub } from "./events/stream-hub.ts";
import { streamRoutes } from "./events/stream-routes.ts";
import { type Foundation, readSecretFile } from "./foundation.ts";
import { createConsoleFiles } from "./http/console-files.ts";
import { healthRoutes } from "./http/health.ts";
import { countDatabaseErrors } from "./http/request-metrics.ts";
import { createServer, type Server, type ServerOptions } from "./http/server.ts";
import { apiKeyRoutes } from "./identity/api-key-routes.ts";
import { createApiKeys } from "./identity/api-keys.ts";
import { createAuthorize } from "./identity/authorize.ts";
import { rolesWith } from "./identity/permissions.ts";
import { principalOf } from "./identity/principal.ts";
import { createIdentityProvider } from "./identity/provider.ts";
import { createProviderLogins } from "./identity/provider-logins.ts";
import { providerRoutes } from "./identity/provider-routes.ts";
import { requireRecentPassword } from "./identity/reauthentication.ts";
import { readRoleMap } from "./identity/role-map.ts";
import { sessionListRoutes } from "./identity/session-list-routes.ts";
import { sessionCookie, sessionRoutes } from "./identity/session-routes.ts";
import { createSessions } from "./identity/sessions.ts";
import { createLoginThrottle } from "./identity/throttle.ts";
import { userRoutes } from "./identity/user-routes.ts";
import { createUsers } from "./identity/users.ts";
import { keyChangeRoutes } from "./keys/change-routes.ts";
import type { ClusterKeys } from "./keys/cluster-keys.ts";
import { followClusterKeys } from "./keys/live-keys.ts";
import { rootRoutes } from "./keys/root-routes.ts";
import { jwksRoute, keyRoutes } from "./keys/routes.ts";
import { metricsRoute } from "./metrics.ts";
import { operationErrors } from "./operation-errors.ts";
import { packageRoutes } from "./packages/routes.ts";
import { createDefaultProfile } from "./profiles/profiles.ts";
import { profileRoutes } from "./profiles/routes.ts";
import { versionRoutes } from "./profiles/version-routes.ts";
import type { Tx } from "./schema.ts";
import { openSharedChangeFeed } from "./shared-changes.ts";
import { tenantRoutes } from "./tenants/routes.ts";
import { createTenants } from "./tenants/tenants.ts";
import { tokenLimits } from "./tokens/limits.ts";
import { tokenRoutes } from "./tokens/routes.ts";
import { createTokenRate } from "./tokens/token-rate.ts";

export interface AppOptions {
  readonly foundation: Foundation;
  readonly keys: ClusterKeys;
  /** The origins of our own pages; may be filled once the port is known. */
  readonly ownOrigins: ReadonlySet<string>;
  readonly tls: ServerOptions["tls"];
  readonly log: ServerOptions["log"];
  readonly version: string;
  /** Where the built console lies; undefined: there is none. */
  readonly consoleDirectory?: string | undefined;
  readonly timing?: CheckInTiming | undefined;
  /** How often it is looked whether alarms begin or end with the passing of time. */
  readonly watchEveryMs?: number | undefined;
  readonly cleanUpEveryMs?: number | undefined;
}

/**
 * Wires the whole cluster by hand, in the order in which the features may know each other. Nothing here decides
 * anything.
 */
export async function createApp({
  foundation,
  keys: loadedKeys,
  ownOrigins,
  tls,
  log,
  version,
  consoleDirectory: directory,
  timing = usualTiming,
  watchEveryMs = alarmLimits.watchEveryMs,
  cleanUpEveryMs = agentLimits.cleanUpEveryMs,
}: AppOptions): Promise<Server> {
  const { config, clock, randomBytes, newId, store, audit, passwords } = foundation;
  const { reads, durable } = store;
  const { deployment } = config;
  const cookie = sessionCookie(isReachedByTls(config));

  const tenants = createTenants({
    durable,
    audit,
    clock,
    newId,
    whenCreated: [(tx, tenant) => createDefaultProfile(tx, tenant.id, newId(), clock.now())],
  });
  const throttle = createLoginThrottle(reads, durable, clock);
  const sessions = createSessions({ reads, durable, audit, clock, newId, randomBytes, passwords, throttle });
  const users = createUsers({ reads, durable, audit, clock, newId, passwords, deployment });
  const apiKeys = createApiKeys({ durable, audit, clock, newId, randomBytes });
  const provider = config.oidc === null ? null : readProvider(foundation, config.oidc);

  const metrics = new Registry();
  const app = await createServer({
    authorize: createAuthorize({ reads, durable, audit, clock, cookieName: cookie.name, deployment, ownOrigins }),
    newId,
    tls,
    trustedProxies: config.trustedProxies,
    now: () => clock.now(),
    log,
    version,
    operationErrors,
    rolesWith,
    console: directory === undefined ? undefined : createConsoleFiles({ directory, randomBytes }),
    metrics,
  });
  const countError = countDatabaseErrors(app, metrics);
  app.decorateRequest("principal", null);

  const failed = (level: "warn" | "error", message: string) => (err: unknown) => {
    countError(err);
    app.log[level]({ err }, message);
  };
  const feed = await openSharedChangeFeed(store, newId, failed("warn", "changes cannot be read"));
  app.addHook("onClose", () => feed.close());
  const keys = followClusterKeys(loadedKeys, {
    reads,
    keyStore: foundation.keyStore,
    feed,
    clock,
    failed: failed("error", "the cluster's keys cannot be loaded"),
  });

  const hub = createStreamHub({
    reads,
    clock,
    feed,
    newId,
    failed: failed("warn", "a live stream cannot be looked after"),
  });
  app.addHook("preClose", async () => hub.stop());
  const scheduled = {
    store,
    audit,
    clock,
    newId,
    feed,
    warn: (error: unknown, message: string) => failed("error", message)(error),
  };
  const watch = startAlarmWatch({ ...scheduled, nodeId: newId(), everyMs: watchEveryMs });
  const cleanUp = startCleanUp({ ...scheduled, nodeId: newId(), everyMs: cleanUpEveryMs });
  const followUps = startFollowUps({ ...scheduled, nodeId: newId() });
  app.addHook("preClose", async () => {
    await Promise.all([watch.stop(), cleanUp.stop(), followUps.stop()]);
  });

  let closing = false;
  app.addHook("preClose", async () => {
    closing = true;
  });
  healthRoutes(app, async () => !closing && (await hasCluster(foundation, keys).catch(() => false)));
  jwksRoute(app, reads);
  await app.register(
    (scope, _options, done) => {
      const api = scope as unknown as Server;
      auditRoutes(api, reads);
      verificationRoutes(api, reads, keys);
      checkpointRoutes(api, { reads, clock, retentionDays: config.auditRetentionDays });
      keyRoutes(api, reads);
      const keyChanges = {
        store,
        audit,
        clock,
        keyStore: foundation.keyStore,
        keys,
        feed,
        agentsByBundle,
        requireRecentPassword: (request: FastifyRequest) => requireRecentPassword(principalOf(request), clock.now()),
      };
      keyChangeRoutes(api, keyChanges);
      rootRoutes(api, { ...keyChanges, countUsableActivationKeys });
      tenantRoutes(api, reads, tenants);
      sessionRoutes(api, { sessions, cookie, ownOrigins, deployment, hasProvider: provider !== null });
      sessionListRoutes(api, { reads, clock, sessions });
      userRoutes(api, reads, users);
      apiKeyRoutes(api, reads, apiKeys);
      addressRoutes(api, { store, audit, clock, changed: tellAddresses(feed, clock) });
      packageRoutes(app, api, { store, audit, clock, newId, use: packageUse(feed, clock) });
      const profiles = { store, audit, clock, newId, feed, use: profileUse(feed, clock) };
      profileRoutes(api, profiles);
      versionRoutes(api, profiles);
      activationKeyRoutes(api, { store, audit, clock, newId, randomBytes, keys });
      agentListRoutes(api, { reads, clock });
      agentRoutes(api, { reads, clock, keys });
      labelRoutes(api, { store, audit, clock, keys, feed, followUps });
      intentRoutes(api, { store, audit, clock, newId, followUps });
      dropRoutes(api, { store, audit, clock, keys, feed });
      decommissionRoutes(api, { store, audit, clock, keys, feed });
      cleanUpRoutes(api, { reads, clock });
      deletionRoutes(api, { store, audit, clock, feed });
      const rate = createTokenRate(config.tokensPerMinute ?? tokenLimits.tokensPerMinute, () => clock.now());
      standingRoutes(api, { store, audit, clock });
      const whenAltered = (tx: Tx, tokenId: string) => raiseTokenAltered(tx, { newId, feed }, tokenId, clock.now());
      tokenRoutes(api, { store, audit, clock, newId, keys, deployment, feed, rate, whenAltered });
      eventRoutes(api, reads);
      alarmRoutes(api, { store, audit, clock, feed });
      streamRoutes(api, { hub, deployment });
      done();
    },
    { prefix: "/api/v1" },
  );
  if (provider !== null) providerRoutes(app, { ...provider, cookie, clock, randomBytes });
  const held = checkInRoutes(app, { store, audit, clock, newId, randomBytes, keys, feed, timing });
  metricsRoute(app, { registry: metrics, reads, clock, version, countHeld: held.count });
  return app;
}

function readProvider({ store, audit, clock, newId, randomBytes }: Foundation, oidc: OidcConfig) {
  const secret = readSecretFile("POSTERN_OIDC_CLIENT_SECRET_FILE", oidc.clientSecretFile);
  const roleMap = readRoleMap(oidc.roleMapFile);
  return {
    provider: createIdentityProvider(oidc, secret, clock),
    logins: createProviderLogins({ durable: store.durable, audit, clock, newId, randomBytes, roleMap }),
  };
}

async function hasCluster({ store }: Foundation, keys: ClusterKeys): Promise<boolean> {
  const cluster = await store.reads.selectFrom("cluster").select("id").executeTakeFirst();
  return cluster?.id === keys.clusterId;
}
