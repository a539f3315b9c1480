import { expect, test } from "vitest";
import { loadConfig } from "./config.ts";

const whole = {
  POSTERN_PUBLIC_URL: "http://127.0.0.1:7480",
  POSTERN_OIDC_ISSUER: "https://login.example.com/realms/ops",
  POSTERN_OIDC_CLIENT_ID: "postern",
  POSTERN_OIDC_CLIENT_SECRET_FILE: "/run/secrets/oidc",
  POSTERN_OIDC_ROLE_MAP: "roles.json",
};

function oidcWith(env: Record<string, string | undefined>) {
  return loadConfig({ flags: {}, env: { ...whole, ...env }, file: null }).oidc;
}

test("the identity provider is optional, and has usual values", () => {
  expect(loadConfig({ flags: {}, env: {}, file: null }).oidc).toBeNull();
  expect(oidcWith({})).toEqual({
    issuer: "https://login.example.com/realms/ops",
    clientId: "postern",
    clientSecretFile: "/run/secrets/oidc",
    roleMapFile: "roles.json",
    roleClaim: "groups",
    scope: "openid profile email",
    publicUrl: "http://127.0.0.1:7480",
  });
});

test.each(Object.keys(whole).filter((name) => name !== "POSTERN_PUBLIC_URL"))("without %s it is refused", (name) => {
  expect(() => oidcWith({ [name]: undefined })).toThrow(`${name} is missing`);
});

test("without the cluster's own address nobody could be sent back to it", () => {
  expect(() => oidcWith({ POSTERN_PUBLIC_URL: undefined })).toThrow("POSTERN_PUBLIC_URL");
});

test.each(["http://login.example.com", "login.example.com", "https://u@login.example.com", "https://a/?b", "ftp://a"])(
  "the issuer %s is refused",
  (issuer) => {
    expect(() => oidcWith({ POSTERN_OIDC_ISSUER: issuer })).toThrow(/^POSTERN_OIDC_ISSUER is/);
  },
);

test("plain HTTP is for a provider on this machine", () => {
  expect(oidcWith({ POSTERN_OIDC_ISSUER: "http://127.0.0.1:9000" })?.issuer).toBe("http://127.0.0.1:9000");
});

test("without the scope openid there is no ID token", () => {
  expect(() => oidcWith({ POSTERN_OIDC_SCOPE: "profile openid2" })).toThrow("POSTERN_OIDC_SCOPE");
});
