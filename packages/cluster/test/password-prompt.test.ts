import { spawn } from "node:child_process";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openShell, type ScriptShell } from "./command-script.ts";
import { type RunningCluster, startCluster } from "./running-cluster.ts";

let cluster: RunningCluster;
let shell: ScriptShell;
beforeAll(async () => {
  cluster = await startCluster();
  shell = await openShell(cluster, "operator");
});
afterAll(() => cluster.remove());

/** Runs a command at a terminal of its own (util-linux' script) and types each answer once its question stands there. */
function atTerminal(command: string, answers: readonly (readonly [question: string, answer: string])[]) {
  return new Promise<{ code: number | null; shown: string }>((resolve, reject) => {
    const child = spawn("script", ["-qec", command, "/dev/null"], { env: shell.env, cwd: shell.home });
    const waiting = [...answers];
    let shown = "";
    let searchedTo = 0;
    child.stdout.on("data", (chunk: Buffer) => {
      shown += chunk.toString();
      const [question, answer] = waiting[0] ?? ["", ""];
      const at = shown.indexOf(question, searchedTo);
      if (question === "" || at < 0) return;
      searchedTo = at + question.length;
      waiting.shift();
      child.stdin.write(answer);
    });
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, shown }));
  });
}

test("asks for the password at the terminal, takes corrections, and shows nothing of it", async () => {
  const typed = `${cluster.adminPassword}x\u007f\r`;
  const { code, shown } = await atTerminal("postern login admin", [["Password of admin at", typed]]);
  expect(shown).toContain(`Logged in at ${cluster.url} as admin.`);
  expect(code).toBe(0);
  expect(shown).not.toContain(cluster.adminPassword.slice(0, 6));
});

test("asks twice for a new password, and does nothing when the two differ", async () => {
  const create = "postern user create alice --role auditor";
  const differing = await atTerminal(create, [
    ["New password of alice: ", "a sentence nobody guesses\r"],
    ["The same once more: ", "another sentence\r"],
  ]);
  expect(differing.shown).toContain("The two passwords differ.");
  expect(differing.code).toBe(2);

  const same = await atTerminal(create, [
    ["New password of alice: ", "a sentence nobody guesses\r"],
    ["The same once more: ", "a sentence nobody guesses\r"],
  ]);
  expect(same.shown).toContain("Made the user alice.");
  expect(same.shown).not.toContain("sentence");
});

test("ends at Ctrl-C, and the terminal is as it was", async () => {
  const { code, shown } = await atTerminal("postern login admin; stty -a | grep -o ' echo '", [
    ["Password of", "abc\u0003"],
  ]);
  expect(shown).toContain("Interrupted.");
  expect(shown).toContain(" echo ");
  expect(code).toBe(0);
});
