import { ConfigError } from "./config-error.ts";

/** Every setting: its flag, its variable, and what `--help` says of it. Its name in the file is the key here. */
export const settingNames = {
  data: { flag: "--data", env: "POSTERN_DATA", help: "data directory (data)" },
  listen: { flag: "--listen", env: "POSTERN_LISTEN", help: "address and port (127.0.0.1:7480)" },
  tlsCert: { flag: "--tls-cert", env: "POSTERN_TLS_CERT", help: "certificate chain, a PEM file" },
  tlsKey: { flag: "--tls-key", env: "POSTERN_TLS_KEY", help: "its private key, a PEM file" },
  publicUrl: { flag: "--public-url", env: "POSTERN_PUBLIC_URL", help: "address that people and agents use" },
  deployment: { flag: "--deployment", env: "POSTERN_DEPLOYMENT", help: "on-prem or saas (on-prem)" },
  trustedProxies: {
    flag: "--trusted-proxies",
    env: "POSTERN_TRUSTED_PROXIES",
    help: "proxies that end TLS: addresses or networks, with commas",
  },
  adminPasswordFile: {
    flag: "--admin-password-file",
    env: "POSTERN_ADMIN_PASSWORD_FILE",
    help: "first password of the user admin",
  },
  keyPassphraseFile: {
    flag: "--key-passphrase-file",
    env: "POSTERN_KEY_PASSPHRASE_FILE",
    help: "passphrase of the key store, instead of a key file",
  },
  pkcs11Module: {
    flag: "--pkcs11-module",
    env: "POSTERN_PKCS11_MODULE",
    help: "PKCS#11 module in which root and token keys are kept: path of its library",
  },
  pkcs11Token: { flag: "--pkcs11-token", env: "POSTERN_PKCS11_TOKEN", help: "label of the token in that module" },
  pkcs11PinFile: { flag: "--pkcs11-pin-file", env: "POSTERN_PKCS11_PIN_FILE", help: "the token's PIN, in a file" },
  logLevel: { flag: "--log-level", env: "POSTERN_LOG_LEVEL", help: "trace, debug, info, warn, error or silent (warn)" },
  auditRetentionDays: {
    flag: "--audit-retention-days",
    env: "POSTERN_AUDIT_RETENTION_DAYS",
    help: "remove entries of the audit log after so many days (never)",
  },
  tokensPerMinute: {
    flag: "--tokens-per-minute",
    env: "POSTERN_TOKENS_PER_MINUTE",
    help: "agent tokens that a node gives one user in a minute (60)",
  },
  database: {
    flag: "--database",
    env: "DATABASE_URL",
    help: "PostgreSQL instead of a file in the data directory: postgres://USER@HOST:PORT/NAME",
  },
  databaseListen: {
    flag: "--database-listen",
    env: "DATABASE_LISTEN_URL",
    help: "the same database past a pooler, to hear of other nodes' changes (--database)",
  },
  oidcIssuer: {
    flag: "--oidc-issuer",
    env: "POSTERN_OIDC_ISSUER",
    help: "identity provider that people log in by, too: its issuer, like https://login.example.com",
  },
  oidcClientId: { flag: "--oidc-client-id", env: "POSTERN_OIDC_CLIENT_ID", help: "who this cluster is there" },
  oidcClientSecretFile: {
    flag: "--oidc-client-secret-file",
    env: "POSTERN_OIDC_CLIENT_SECRET_FILE",
    help: "its secret there, in a file",
  },
  oidcRoleMap: {
    flag: "--oidc-role-map",
    env: "POSTERN_OIDC_ROLE_MAP",
    help: "which roles the provider's groups have here, a JSON file",
  },
  oidcRoleClaim: {
    flag: "--oidc-role-claim",
    env: "POSTERN_OIDC_ROLE_CLAIM",
    help: "the claim that names the groups (groups)",
  },
  oidcScope: {
    flag: "--oidc-scope",
    env: "POSTERN_OIDC_SCOPE",
    help: "what is asked of the provider (openid profile email)",
  },
} as const;

export type SettingName = keyof typeof settingNames;

export interface SettingsSources {
  /** By setting name, as the command line gave them. */
  readonly flags: Partial<Record<SettingName, string>>;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The file of `--config`: a JSON object with the settings' names. */
  readonly file: { readonly path: string; readonly text: string } | null;
}

export interface Settings {
  /** The setting from the first source that has it; an empty one counts as not given. */
  value(name: SettingName): string | null;
  /** True when the setting comes from the command line, which every user of the machine can read. */
  isFlag(name: SettingName): boolean;
  /** @throws {ConfigError} another word */
  oneOf<const Word extends string>(name: SettingName, words: readonly Word[]): Word | null;
  /** An error about a setting, named as the person gave it. */
  error(name: SettingName, problem: string, whatToDo: string): ConfigError;
}

/** @throws {ConfigError} a file that is not a JSON object of known settings with text as values */
export function readSettings({ flags, env, file }: SettingsSources): Settings {
  const fromFile = file === null ? {} : parseFile(file);
  const settings: Settings = {
    value: (name) => flags[name] || env[settingNames[name].env] || fromFile[name] || null,
    isFlag: (name) => Boolean(flags[name]),
    oneOf(name, words) {
      const given = settings.value(name);
      const word = words.find((one) => one === given);
      if (given !== null && word === undefined) {
        throw settings.error(name, `is "${given}"`, `Use one of ${words.join(", ")}.`);
      }
      return word ?? null;
    },
    error(name, problem, whatToDo) {
      const { flag, env: variable } = settingNames[name];
      let given: string = variable;
      if (flags[name]) given = flag;
      else if (!env[variable] && fromFile[name]) given = `"${name}" in ${file?.path}`;
      return new ConfigError(`${given} ${problem}. ${whatToDo}`);
    },
  };
  return settings;
}

function parseFile({ path, text }: { path: string; text: string }): Partial<Record<SettingName, string>> {
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch {
    throw new ConfigError(`The file ${path} is not JSON. Write an object like {"listen": "127.0.0.1:7480"}.`);
  }
  if (typeof content !== "object" || content === null || Array.isArray(content)) {
    throw new ConfigError(`The file ${path} holds no JSON object. Write one like {"listen": "127.0.0.1:7480"}.`);
  }
  for (const [name, value] of Object.entries(content)) {
    if (!Object.hasOwn(settingNames, name)) {
      throw new ConfigError(`"${name}" in ${path} is no setting. Known are ${Object.keys(settingNames).join(", ")}.`);
    }
    if (typeof value !== "string") throw new ConfigError(`"${name}" in ${path} is not text. Put it in quotes.`);
  }
  return content as Partial<Record<SettingName, string>>;
}
