import { chmodSync, mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { forgetSession, loadSession, saveSession, sessionPath } from "./session-file.ts";

let home: string;
const session = { url: "https://postern.example.com", name: "alice", cookie: "__Host-pst=abc" };

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "postern-session-"));
});
afterEach(() => rmSync(home, { recursive: true }));

test("keeps a session where only its owner can read it, and forgets it", async () => {
  const env = { HOME: home };
  expect(await loadSession(env)).toBeUndefined();
  await saveSession(env, { ...session, cookie: "__Host-pst=older" });
  await saveSession(env, session);
  const path = sessionPath(env);
  expect(path).toBe(join(home, ".config/postern/session.json"));
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(statSync(dirname(path)).mode & 0o777).toBe(0o700);
  expect(readdirSync(dirname(path))).toEqual(["session.json"]);
  expect(await loadSession(env)).toEqual(session);
  await forgetSession(env);
  expect(await loadSession(env)).toBeUndefined();
});

test("follows XDG_CONFIG_HOME", () => {
  expect(sessionPath({ HOME: home, XDG_CONFIG_HOME: "/elsewhere" })).toBe("/elsewhere/postern/session.json");
});

test("does not use a session that others can read", async () => {
  await saveSession({ HOME: home }, session);
  chmodSync(sessionPath({ HOME: home }), 0o640);
  await expect(loadSession({ HOME: home })).rejects.toThrow(expect.objectContaining({ exitCode: 2 }));
});
