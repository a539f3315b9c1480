import fc from "fast-check";
import { beforeAll, expect, test } from "vitest";
import { type Authority, fakeAuthority } from "../authority.fixture.ts";
import { grantMs } from "../limits.ts";
import { Machine } from "./machine.fixture.ts";

let authority: Authority;
beforeAll(() => {
  authority = fakeAuthority();
});

/** As for the model of trusted time. */
const numRuns = Number(process.env["POSTERN_MODEL_RUNS"] ?? 150);
const seed = Number(process.env["POSTERN_MODEL_SEED"] ?? 20_261_124);

const versions = ["1.0.0", "1.1.0", "1.2.0"] as const;
const packages = versions.map((version, at) => ({
  version,
  sha256: `${"AEI"[at]}`.repeat(43),
  size: 1000,
  path: `/agent/v1/packages/${at}`,
}));
const version = fc.nat({ max: versions.length - 1 });

const action = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant("ready" as const), version }) },
  { weight: 9, arbitrary: fc.record({ do: fc.constant("asks" as const), isGranted: fc.boolean() }) },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant("start" as const), version, how: fc.constantFrom("stop", "kill") }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("startGranted" as const) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("done" as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("failed" as const), version }) },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant("run" as const), seconds: fc.constantFrom(1, 60, 299, 300, 599, 601) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant("reboot" as const), version, off: fc.constantFrom(1, 600, 9000) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant("config" as const),
      listed: fc.subarray([...packages]),
      on: fc.constantFrom(true, true, true, false),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("checkIn" as const) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("lift" as const), seconds: fc.constantFrom(30, 400, 4000) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("protect" as const) }) },
);
type Action = typeof action extends fc.Arbitrary<infer One> ? One : never;

/** What somebody with a stop watch beside the machine knows of a grant. */
interface Known {
  readonly version: string;
  readonly givenAt: number;
  starts: number;
}

test("no sequence leaves the guard open after the grant has ended, nor protection off", async () => {
  let opened = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(action, { minLength: 20, maxLength: 50 }), async (actions) => {
      const machine = await Machine.enrolled(authority, { on: true });
      await machine.checkIn({ profile: { on: true }, upkeep: { packages } });
      let known: Known | undefined;
      for (const what of actions) {
        known = await act(machine, known, what);
        const isOver = known === undefined || machine.trueMs - known.givenAt >= grantMs;
        if (machine.protection === "on") expect(machine.guard).toBe("armed");
        if (machine.guard !== "armed") continue;
        if (machine.openForInstaller) opened++;
        if (isOver) expect(machine.openForInstaller).toBe(false);
      }
    }),
    { numRuns, seed },
  );
  // Or it would have shown nothing.
  expect(opened).toBeGreaterThan(numRuns);
}, 600_000);

async function act(machine: Machine, known: Known | undefined, what: Action): Promise<Known | undefined> {
  switch (what.do) {
    case "ready": {
      const wanted = packages[what.version];
      if (!wanted) return known;
      const outcome = machine.send({ type: "replacementReady", package: wanted, running: machine.version });
      const isGiven = outcome !== undefined && "grant" in outcome && outcome.grant === "given";
      return isGiven ? { version: wanted.version, givenAt: machine.trueMs, starts: 0 } : known;
    }
    case "asks":
      machine.send({ type: "installerAsks", isGranted: what.isGranted });
      return known;
    case "start":
    case "startGranted":
    case "reboot": {
      const next = what.do === "startGranted" ? known?.version : versions[what.version];
      if (next === undefined) return known;
      machine.version = next;
      if (what.do === "reboot") machine.reboot(what.off);
      else if (what.do === "start" && what.how === "kill") machine.crash();
      else machine.restart();
      if (what.do === "reboot" || known === undefined || known.version !== next || known.starts > 0) return undefined;
      return { ...known, starts: 1 };
    }
    case "done":
      machine.send({ type: "installerDone" });
      return known?.starts ? undefined : known;
    case "failed": {
      const failed = packages[what.version];
      if (failed) machine.send({ type: "updateFailed", package: failed, code: "installer_1603" });
      return failed?.version === known?.version ? undefined : known;
    }
    case "run":
      machine.run(what.seconds);
      return known;
    case "config":
      await machine.checkIn({ profile: { on: what.on }, upkeep: { packages: what.listed } });
      return known;
    case "checkIn":
      await machine.checkIn();
      return known;
    case "lift":
      machine.present(await machine.token({ lift: what.seconds }));
      return known;
    case "protect":
      machine.send({ type: "protect" });
      return known;
  }
}
