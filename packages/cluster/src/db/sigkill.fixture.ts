import { writeSync } from "node:fs";
import { openSqliteStore } from "./sqlite/open.ts";

// Run by sigkill.test.ts as a process of its own: stores numbers as fast as it can, many at once, and prints each one
// once it was answered, until somebody kills it, or it kills itself in the very moment of an answer.
const [directory = "", first = "0", lastAnswer = "0"] = process.argv.slice(2);

interface Tables {
  written: { number: number };
}

const store = await openSqliteStore<Tables>({
  directory,
  migrations: [{ name: "written-1", statements: ["create table written (number int8 primary key)"] }],
  tenantColumns: {},
  now: () => 1,
  onDeath: (error) => {
    throw error;
  },
});

let next = Number(first);
let answers = 0;
async function writeOn(): Promise<never> {
  for (;;) {
    const number = next++;
    await store.durable((tx) => tx.insertInto("written").values({ number }).execute());
    writeSync(1, `${number}\n`);
    answers += 1;
    if (answers === Number(lastAnswer)) process.kill(process.pid, "SIGKILL");
  }
}
await Promise.all(Array.from({ length: 20 }, writeOn));
