import { journalKinds } from "@postern/protocol";
import { expect, test } from "vitest";
import { memoryLog } from "./memory-log.fixture.ts";
import { eventReporter } from "./reporter.ts";

test.each(journalKinds)("journaled as %s, it is told", (kind) => {
  const log = memoryLog();
  log.reporter.journaled(kind, { layer: "files", found: "descriptor", setBack: true });
  expect(log.events).toHaveLength(1);
  expect(log.events[0]?.text).not.toMatch(/[{}[\]]/);
});

test.each([
  { kind: "service_started", data: { version: "1", stateLost: true, journalLost: true }, ids: [100, 120, 121] },
  { kind: "refused", data: { reason: "expired", jti: "j" }, ids: [300] },
  { kind: "refused", data: { reason: "malformed" }, ids: [301] },
  { kind: "drift", data: { setBack: false }, ids: [401] },
  { kind: "rearmed", data: { cause: "command", changed: "serviceConfig (startType)" }, ids: [204, 205] },
  { kind: "of_a_later_version", data: {}, ids: [] },
])("$kind $data: $ids", ({ kind, data, ids }) => {
  const log = memoryLog();
  log.reporter.journaled(kind, data);
  expect(log.ids()).toEqual(ids);
});

test("whole sentences for people, and the same as JSON for programs", () => {
  const log = memoryLog();
  log.reporter.journaled("refused", { reason: "expired", jti: "0193", unrecorded: 3 });
  expect(log.events[0]).toEqual({
    id: 300,
    severity: "warning",
    text:
      "The agent token 0193, which the cluster signed for this agent, was refused: expired. 3 more like it were only counted. " +
      "PosternAgent.exe -explain says what a token is and what to do. If nobody works here, look who does.",
    data: '{"event":"token_refused","reason":"expired","jti":"0193","unrecorded":3}',
  });
});

test("who changed something does not choose what the log shows", () => {
  const log = memoryLog();
  log.reporter.journaled("drift", { layer: "cleanRegistry", found: "%1 %%5\n\u202e{layer}", setBack: true });
  expect(log.events[0]?.text).toContain("(cleanRegistry: _1 __5??{layer})");
});

test("what is there in some cases only has a place of its own", () => {
  const log = memoryLog();
  log.reporter.journaled("drift", { layer: "otherServices", service: "Sysmon64", found: "descriptor", setBack: true });
  log.reporter.journaled("drift", { layer: "files", found: "descriptor", setBack: true });
  expect(log.events.map(({ text }) => /\(.*?\)/.exec(text)?.[0])).toEqual([
    "(otherServices of Sysmon64: descriptor)",
    "(files: descriptor)",
  ]);
});

test("refusals in a row are bounded, counted, and push nothing else out", () => {
  const log = memoryLog();
  for (let count = 0; count < 1000; count++) log.reporter.report("input_refused", { reason: "malformed" });
  expect(log.events).toHaveLength(20);
  log.reporter.report("protection_off", { rev: 1 });
  expect(log.ids().at(-1)).toBe(201);
  log.clock.nowMs += 60_000;
  log.reporter.report("input_refused", { reason: "malformed" });
  log.reporter.report("input_refused", { reason: "malformed" });
  expect(log.events).toHaveLength(22);
  expect(log.events.at(-1)?.text).toContain("980 more like it were only counted.");
});

test("a log that fails disturbs nobody", async () => {
  const troubles: string[] = [];
  const failing = {
    write() {
      throw new Error("Windows error 1722");
    },
    settled: async () => {},
  };
  const reporter = eventReporter(failing, { interruptMs: () => 0 }, (line) => troubles.push(line));
  reporter.journaled("protection_on", { rev: 1 });
  expect(troubles).toEqual(["the event log cannot be written: Windows error 1722"]);
  await eventReporter(undefined, { interruptMs: () => 0 }, () => {}).settled();
});
