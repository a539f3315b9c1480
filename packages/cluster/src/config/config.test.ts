import { expect, test } from "vitest";
import { isReachedByTls, loadConfig } from "./config.ts";

function load(env: Record<string, string>, flags = {}, file: string | null = null) {
  return loadConfig({ env, flags, file: file === null ? null : { path: "postern.json", text: file } });
}

test("needs nothing, and then serves this machine only", () => {
  expect(load({})).toEqual({
    dataDirectory: "data",
    listen: { host: "127.0.0.1", port: 7480 },
    tls: null,
    publicUrl: null,
    deployment: "on-prem",
    trustedProxies: [],
    adminPasswordFile: null,
    keyPassphraseFile: null,
    pkcs11: null,
    logLevel: "warn",
    auditRetentionDays: null,
    tokensPerMinute: null,
    database: null,
    oidc: null,
  });
});

test("flags win over the environment, the environment over the file", () => {
  const file = '{"data": "from-file", "listen": "127.0.0.1:1", "deployment": "saas"}';
  const config = load({ POSTERN_DATA: "from-env", POSTERN_LISTEN: "127.0.0.1:2" }, { data: "from-flag" }, file);
  expect(config).toMatchObject({ dataDirectory: "from-flag", listen: { port: 2 }, deployment: "saas" });
});

test.each([
  { env: { POSTERN_LISTEN: "7480" }, message: /^POSTERN_LISTEN is "7480"\. Write an address and a port/ },
  { env: { POSTERN_LISTEN: "127.0.0.1:70000" }, message: /^POSTERN_LISTEN/ },
  { env: { POSTERN_LISTEN: "0.0.0.0:7480" }, message: /without TLS.*POSTERN_TLS_CERT/ },
  { env: { POSTERN_LISTEN: "[::]:7480" }, message: /without TLS/ },
  { env: { POSTERN_TLS_CERT: "cert.pem" }, message: /^POSTERN_TLS_KEY is missing/ },
  { env: { POSTERN_TLS_KEY: "key.pem" }, message: /^POSTERN_TLS_CERT is missing/ },
  { env: { POSTERN_DEPLOYMENT: "cloud" }, message: /^POSTERN_DEPLOYMENT is "cloud"\. Use one of on-prem, saas\./ },
  { env: { POSTERN_PUBLIC_URL: "postern.example" }, message: /^POSTERN_PUBLIC_URL/ },
  { env: { POSTERN_PUBLIC_URL: "https://postern.example/path" }, message: /without a path/ },
  { env: { POSTERN_PUBLIC_URL: "http://postern.example" }, message: /without TLS/ },
  { env: { POSTERN_PUBLIC_URL: "https://postern.example" }, message: /a proxy must end TLS.*POSTERN_TRUSTED_PROXIES/ },
  { env: { POSTERN_TOKENS_PER_MINUTE: "0" }, message: /^POSTERN_TOKENS_PER_MINUTE is "0".*from 1 to 1000000/ },
  { env: { POSTERN_AUDIT_RETENTION_DAYS: "0" }, message: /^POSTERN_AUDIT_RETENTION_DAYS is "0".*from 1 to 36500/ },
  { env: { POSTERN_AUDIT_RETENTION_DAYS: "1.5" }, message: /^POSTERN_AUDIT_RETENTION_DAYS/ },
  { env: { POSTERN_AUDIT_RETENTION_DAYS: "40000" }, message: /^POSTERN_AUDIT_RETENTION_DAYS/ },
  { env: { POSTERN_TRUSTED_PROXIES: "10.0.0.1, proxy" }, message: /^POSTERN_TRUSTED_PROXIES.*"proxy"/ },
  {
    env: { POSTERN_LISTEN: "0.0.0.0:443", POSTERN_TLS_CERT: "c", POSTERN_TLS_KEY: "k" },
    message: /by which address.*POSTERN_PUBLIC_URL/,
  },
])("$env is refused", ({ env, message }) => {
  expect(() => load(env as unknown as Record<string, string>)).toThrow(message);
});

test.each([
  { file: "listen: 1", message: /postern.json is not JSON/ },
  { file: "[]", message: /no JSON object/ },
  { file: '{"listn": "x"}', message: /"listn" in postern.json is no setting.*listen/ },
  { file: '{"listen": 7480}', message: /not text/ },
  { file: '{"listen": "x"}', message: /^"listen" in postern.json is "x"/ },
])("the file $file is refused", ({ file, message }) => {
  expect(() => load({}, {}, file)).toThrow(message);
});

test("an error names the flag when a flag was given", () => {
  expect(() => load({ POSTERN_LISTEN: "127.0.0.1:1" }, { listen: "x" })).toThrow(/^--listen is "x"/);
});

test("other addresses are served with TLS, or behind a named proxy", () => {
  const tls = load({ POSTERN_LISTEN: "192.0.2.1:443", POSTERN_TLS_CERT: "c", POSTERN_TLS_KEY: "k" });
  expect(isReachedByTls(tls)).toBe(true);
  const proxied = load({
    POSTERN_LISTEN: "0.0.0.0:80",
    POSTERN_TRUSTED_PROXIES: "10.0.0.0/8",
    POSTERN_PUBLIC_URL: "https://postern.example",
  });
  expect(isReachedByTls(proxied)).toBe(true);
  expect(isReachedByTls(load({}))).toBe(false);
});
