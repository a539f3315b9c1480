/**
 * Every environment variable that could change what the agent does before its first own line runs, or end it. The
 * service's environment belongs to the local administrators it is protected from (the machine's variables are a value
 * in the registry), so none of these may have an effect.
 *
 * Node keeps a name in up to four forms, each neutralised by `neutralise.ts`: `native` (a C string), `wide` (a UTF-16
 * C string), `cached` (a constant of the precompiled JavaScript) and `source` (`env.NAME` in the JavaScript itself).
 * The counts are those of Node 22.23.3 for Windows; the build fails when the executable holds any other number, so a
 * new Node cannot bring a name back unseen.
 *
 * Left alone on purpose: NO_COLOR, FORCE_COLOR, NODE_DISABLE_COLORS, TERM and TZ (they change how text looks),
 * NODE_REPL_* except the module (the agent has no prompt), HTTP_PROXY and its like (dead without NODE_USE_ENV_PROXY),
 * RES_OPTIONS, LOCALDOMAIN and CARES_HOSTS (the agent resolves names through Windows), NODE_TEST_CONTEXT (only the
 * test runner reads it).
 */
export interface NeutralisedVariable {
  readonly name: string;
  /** What it would let somebody do. */
  readonly why: string;
  readonly native?: number;
  readonly wide?: number;
  readonly cached?: number;
  readonly source?: number;
}

export const neutralisedVariables: readonly NeutralisedVariable[] = [
  { name: "NODE_OPTIONS", why: "--require runs a foreign script in the agent", native: 1, cached: 3, source: 1 },
  { name: "NODE_REPL_EXTERNAL_MODULE", why: "loads a module", native: 1, cached: 2, source: 2 },
  { name: "NODE_PATH", why: "where modules are searched", cached: 3, source: 1 },
  { name: "NODE_COMPILE_CACHE", why: "runs precompiled code from a folder", native: 1 },
  { name: "NODE_DISABLE_COMPILE_CACHE", why: "its counterpart", native: 1 },
  { name: "NODE_PRESERVE_SYMLINKS", why: "changes where modules are found", native: 1, cached: 1 },
  { name: "NODE_PRESERVE_SYMLINKS_MAIN", why: "changes where modules are found", native: 1 },
  { name: "OPENSSL_CONF", why: "a configuration that loads libraries", native: 1, cached: 1 },
  { name: "OPENSSL_CONF_INCLUDE", why: "more of such configuration", native: 1 },
  { name: "OPENSSL_ENGINES", why: "where libraries are loaded from", native: 1 },
  { name: "OPENSSL_MODULES", why: "where libraries are loaded from", native: 1 },
  { name: "OPENSSL_ia32cap", why: "claims processor features that crash the agent", native: 1, wide: 1 },
  { name: "QLOGDIR", why: "writes traces of connections", native: 1 },
  { name: "OSSL_QFILTER", why: "goes with QLOGDIR", native: 1 },
  { name: "NODE_EXTRA_CA_CERTS", why: "adds a trusted root certificate", native: 1, cached: 1, source: 1 },
  { name: "NODE_USE_SYSTEM_CA", why: "changes which roots are trusted", native: 1 },
  { name: "SSL_CERT_FILE", why: "changes which roots are trusted", native: 1, cached: 1 },
  { name: "SSL_CERT_DIR", why: "changes which roots are trusted", native: 1, cached: 1 },
  { name: "NODE_TLS_REJECT_UNAUTHORIZED", why: "switches certificate checks off", cached: 3, source: 1 },
  { name: "NODE_USE_ENV_PROXY", why: "sends the agent's traffic elsewhere", native: 1 },
  { name: "NODE_CHANNEL_FD", why: "a channel that is not there ends the process at start", cached: 3, source: 4 },
  { name: "NODE_CHANNEL_SERIALIZATION_MODE", why: "goes with NODE_CHANNEL_FD", cached: 2, source: 2 },
  { name: "NODE_UNIQUE_ID", why: "takes the process for a cluster worker and ends it", cached: 3, source: 3 },
  { name: "NODE_CLUSTER_SCHED_POLICY", why: "goes with NODE_UNIQUE_ID", cached: 1, source: 1 },
  { name: "WATCH_REPORT_DEPENDENCIES", why: "reports each loaded file to a parent", cached: 3, source: 5 },
  { name: "NODE_V8_COVERAGE", why: "opens an inspector session and writes files", native: 1, cached: 4, source: 13 },
  { name: "NODE_INSPECT_RESUME_ON_START", why: "belongs to the inspector", source: 1 },
  { name: "NODE_DEBUG", why: "prints what goes over the wire", cached: 3, source: 3 },
  { name: "NODE_DEBUG_NATIVE", why: "prints what Node does inside", native: 1, cached: 1 },
  { name: "NODE_REDIRECT_WARNINGS", why: "writes to any file", native: 1, cached: 1 },
  { name: "NODE_NO_WARNINGS", why: "hides warnings", cached: 3, source: 1 },
  { name: "NODE_PENDING_DEPRECATION", why: "adds warnings", native: 1, cached: 1 },
  { name: "NODE_ICU_DATA", why: "loads data files that native code parses", native: 1, cached: 1 },
  { name: "ICU_TIMEZONE_FILES_DIR", why: "loads data files that native code parses", native: 1 },
  { name: "NODE_SKIP_PLATFORM_CHECK", why: "starts where Node cannot run", native: 1, cached: 1 },
  { name: "NODE_PENDING_PIPE_INSTANCES", why: "starves Node's own pipes", cached: 1, source: 1 },
  { name: "NODE_MANY_ACCEPTS", why: "changes how connections are taken", source: 2 },
  { name: "UV_THREADPOOL_SIZE", why: "no thread left for files and names", native: 1, cached: 1 },
  { name: "SIMDUTF_FORCE_IMPLEMENTATION", why: "code for another processor crashes the agent", native: 1 },
  { name: "SIMDJSON_FORCE_IMPLEMENTATION", why: "code for another processor crashes the agent", native: 1 },
];

/**
 * OpenSSL's configuration is read from a fixed folder too, when OPENSSL_CONF is not set, and any administrator can
 * make that folder. The replacement lies beneath a file that Windows cannot run without: it can never exist.
 */
export const neutralisedPath = {
  path: "C:\\Program Files\\Common Files\\SSL",
  replacement: "C:\\Windows\\System32\\ntdll.dll\\off",
  count: 1,
} as const;
