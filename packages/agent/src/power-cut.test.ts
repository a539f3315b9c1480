import { journalEntryHash } from "@postern/protocol";
import { beforeAll, expect, test } from "vitest";
import { receiveAnswer } from "./core/receive-answer.ts";
import { adoptEnrolment, type EnrolledAgent, resumeAgent, type ServicePorts } from "./enrolled-agent.ts";
import { grantMs, reservedBytes } from "./limits.ts";
import { epoch, makePapers, nonce, oldVersion, type Papers, type Token, update } from "./power-cut-papers.fixture.ts";
import { NotSaved } from "./running-agent.ts";
import { Disk, PowerCut } from "./store/disk.fixture.ts";
import { readTrustAnchor } from "./store/trust-anchor.ts";

const folder = "/data";

let papers: Papers;
beforeAll(async () => {
  papers = await makePapers();
});

/** What people and the cluster were told before the power went. */
interface Told {
  protection: "none" | "off" | "on" | "lifted";
  bundleVer: number;
  /** Newest journal entry that the cluster has; older ones may be forgotten. */
  acked: number;
  readonly redeemed: Set<string>;
  readonly spent: Set<string>;
  /** By token: seconds of lift that went by and were persisted by then. */
  readonly used: Map<string, number>;
  /** Hashes of entries by number, for as long as the machine told the truth. */
  readonly entries: Map<number, string>;
}

/** The agent on a machine that can lose its power: the real stores, start and core; only clock and guard are fakes. */
class Machine {
  readonly disk: Disk;
  readonly told: Told = {
    protection: "none",
    bundleVer: 0,
    acked: 0,
    redeemed: new Set(),
    spent: new Set(),
    used: new Map(),
    entries: new Map(),
  };
  guard: "armed" | "disarmed" | undefined;
  /** Armed, but for the way of an installer. */
  isOpen = false;
  version = oldVersion;
  seconds = 0;
  readonly #stopping: Promise<void>[] = [];
  #agent: EnrolledAgent | undefined;

  constructor(disk: Disk) {
    this.disk = disk;
  }

  get agent(): EnrolledAgent {
    if (!this.#agent) throw new Error("no agent");
    return this.#agent;
  }

  get protection() {
    return this.agent.running.state().protection.state;
  }

  enrol(): void {
    this.#agent = adoptEnrolment(papers.enrolment, undefined, this.#ports());
  }

  /** A new service process. */
  start(): void {
    this.#end();
    const anchor = readTrustAnchor(this.disk, folder);
    if (anchor === "unreadable") throw new Error("the trust anchor cannot be read");
    if (anchor !== "none") this.#agent = resumeAgent(anchor, this.#ports());
  }

  wait(seconds: number): void {
    this.seconds += seconds;
    this.agent.apply({ type: "tick" });
  }

  /** Redeems a token; what was answered is told. */
  redeem({ jti, token }: Token): string {
    let answer: string;
    try {
      const outcome = this.agent.apply({ type: "redeem", token });
      answer =
        outcome && "accepted" in outcome ? outcome.accepted : outcome && "refused" in outcome ? outcome.refused : "";
    } catch (error) {
      if (!(error instanceof NotSaved)) throw error;
      answer = "not_saved";
    }
    if (!this.disk.dead && answer === "redeemed") this.told.redeemed.add(jti);
    return answer;
  }

  reach(message: string): void {
    const { running } = this.agent;
    const { authority } = papers;
    const received = receiveAnswer(message, {
      ...authority,
      bundle: running.bundle(),
      nonce,
      appliedRev: running.state().rev,
    });
    this.agent.apply({ type: "answered", received, ageMs: 0 });
  }

  /** The cluster has stored what there is, and says so. */
  delivered(): void {
    const last = this.agent.journal.entries().at(-1);
    if (!last) return;
    this.agent.journal.acknowledged(last.seq);
    this.told.acked = last.seq;
  }

  async end(): Promise<void> {
    this.#end();
    await Promise.all(this.#stopping);
  }

  #end(): void {
    if (this.#agent) this.#stopping.push(this.#agent.stop());
    this.#agent = undefined;
  }

  #ports(): ServicePorts {
    const guard = {
      supported: true,
      arm: (_: unknown, isOpen = false) => {
        this.guard = "armed";
        this.isOpen = isOpen;
        return {};
      },
      disarm: () => {
        this.guard = "disarmed";
        return {};
      },
      restore: () => ({ layers: {}, drifts: [] }),
      watch: () => ({ close() {} }),
    };
    const facts = {
      hostName: "H",
      platform: "windows" as const,
      osVersion: "10",
      arch: "x64",
      agentVersion: "1.0.0",
      machineId: "m",
      addresses: [],
    };
    return {
      platform: { name: "windows", guard, listener: { listen: () => Promise.reject() }, folders: { data: folder } },
      fs: this.disk,
      clock: {
        systemNow: () => (epoch + this.seconds) * 1000,
        interruptMs: () => 3_600_000 + this.seconds * 1000,
      },
      agentVersion: this.version,
      builtAtMs: 0,
      newId: () => "2f0c6f0e-7a53-4f6e-9a53-0d9f1d1f7a01",
      randomBytes: (count) => new Uint8Array(count),
      random: () => 0,
      log: () => {},
      facts: () => facts,
      // Nobody answers: what the cluster says, the story says.
      exchangeWith:
        () =>
        (_path, _body, { signal }) =>
          new Promise((_, reject) => {
            const giveUp = () => reject(new Error("given up"));
            if (signal?.aborted) giveUp();
            signal?.addEventListener("abort", giveUp);
          }),
    };
  }
}

interface Chapter {
  readonly what: string;
  readonly becomes: Told["protection"];
  does(machine: Machine): void;
  /** What is told once it is done, beside protection. */
  readonly tells?: (told: Told) => void;
}

/** A life: every kind of write that there is, in the order in which they come. */
const story: readonly Chapter[] = [
  { what: "enrolment, protection on", becomes: "on", does: (m) => m.enrol() },
  { what: "the journal is delivered", becomes: "on", does: (m) => m.delivered() },
  { what: "a token is redeemed", becomes: "lifted", does: (m) => void m.redeem(papers.first) },
  {
    what: "a minute of the lift",
    becomes: "lifted",
    does: (m) => m.wait(60),
    tells: (t) => t.used.set(papers.first.jti, 60),
  },
  {
    what: "-protect",
    becomes: "on",
    does: (m) => void m.agent.apply({ type: "protect" }),
    tells: (t) => t.spent.add(papers.first.jti),
  },
  { what: "another token", becomes: "lifted", does: (m) => void m.redeem(papers.second) },
  { what: "a restart", becomes: "lifted", does: (m) => m.start(), tells: (t) => t.used.set(papers.second.jti, 60) },
  { what: "the cluster is reached", becomes: "on", does: (m) => m.reach(papers.answers.nothing) },
  {
    what: "the roots are changed",
    becomes: "on",
    does: (m) => m.reach(papers.answers.roots),
    tells: (t) => (t.bundleVer = 2),
  },
  { what: "the lift is resumed", becomes: "lifted", does: (m) => void m.redeem(papers.second) },
  { what: "the journal is delivered during it", becomes: "lifted", does: (m) => m.delivered() },
  {
    what: "the budget is spent",
    becomes: "on",
    does: (m) => m.wait(300),
    tells: (t) => t.spent.add(papers.second.jti),
  },
  { what: "a user switches it off", becomes: "off", does: (m) => m.reach(papers.answers.off) },
  { what: "and on", becomes: "on", does: (m) => m.reach(papers.answers.on) },
  {
    what: "an update is granted",
    becomes: "on",
    does: (m) => void m.agent.apply({ type: "replacementReady", package: update, running: m.version }),
  },
  {
    what: "the installer comes with it",
    becomes: "on",
    does: (m) => void m.agent.apply({ type: "installerAsks", isGranted: true }),
  },
  {
    what: "the new version starts",
    becomes: "on",
    does(m) {
      m.version = update.version;
      m.start();
    },
  },
  { what: "the installer has done", becomes: "on", does: (m) => void m.agent.apply({ type: "installerDone" }) },
  {
    what: "the end of the service",
    becomes: "on",
    does: (m) => void m.agent.apply({ type: "stopping", reason: "shutdown" }),
  },
];

/** Lives the story until the power goes. Gives the chapter in which it went. */
function live(machine: Machine): Chapter | undefined {
  const { told, disk } = machine;
  for (const chapter of story) {
    machine.seconds += 2;
    try {
      chapter.does(machine);
    } catch (error) {
      if (!(error instanceof PowerCut || error instanceof NotSaved)) throw error;
    }
    if (disk.dead) return chapter;
    expect(machine.protection, chapter.what).toBe(chapter.becomes);
    told.protection = chapter.becomes;
    chapter.tells?.(told);
    for (const entry of machine.agent.journal.entries()) told.entries.set(entry.seq, journalEntryHash(entry));
  }
  return undefined;
}

/** What the machine is allowed to be when the power is back. */
function checkReturn(machine: Machine, during: Chapter | undefined): void {
  const { told, disk } = machine;
  const place = `${during?.what}, told ${JSON.stringify({ ...told, cut: disk.cut })}`;
  machine.guard = undefined;
  machine.start();
  if (readTrustAnchor(disk, folder) === "none") {
    expect(told.protection, place).toBe("none");
    return;
  }
  const allowed = [told.protection, during?.becomes ?? told.protection];
  // The charge of a start may have used up what was left.
  if (allowed.includes("lifted")) allowed.push("on");
  // An enrolment of which nobody was told is one whose config is still to be applied.
  if (told.protection === "none") allowed.push("off");
  expect(allowed, place).toContain(machine.protection);
  expect(machine.guard, place).toBe(machine.protection === "on" ? "armed" : "disarmed");

  // What leaves the guard open for a replacement is no other start than the first of the new version.
  if (machine.isOpen) expect([place, machine.version]).toEqual([place, update.version]);

  const hashes = new Map(machine.agent.journal.entries().map((entry) => [entry.seq, journalEntryHash(entry)]));
  const delivering = during?.what.includes("delivered") === true;
  for (const [seq, hash] of told.entries) {
    const gone = seq <= told.acked || (delivering && !hashes.has(seq));
    if (!gone) expect(hashes.get(seq), `${place}: entry ${seq}`).toBe(hash);
  }
  expect(machine.agent.running.bundle().version, place).toBeGreaterThanOrEqual(told.bundleVer);

  for (const token of [papers.first, papers.second]) {
    const left = () => {
      const used = machine.agent.running.state().usedTokens.find(({ jti }) => jti === token.jti);
      return used ? used.leftMs / 1000 : token.liftSeconds;
    };
    const mostLeft = token.liftSeconds - (told.used.get(token.jti) ?? 0);
    expect(left(), `${place}: budget`).toBeLessThanOrEqual(mostLeft);
    const known = told.redeemed.has(token.jti);
    if (machine.protection === "off" || (!known && during?.what !== "another token")) continue;
    const answer = machine.redeem(token);
    if (known) expect(answer, `${place}: a second lift`).not.toBe("redeemed");
    if (told.spent.has(token.jti)) expect(answer, place).toBe("already_used");
    expect(left(), `${place}: budget, presented again`).toBeLessThanOrEqual(mostLeft);
  }
  // And life goes on.
  machine.agent.apply({ type: "protect" });
  machine.wait(30);
  expect(machine.protection, place).not.toBe("lifted");
  machine.wait(grantMs / 1000);
  expect(machine.isOpen, place).toBe(false);
}

test("wherever the power is cut in an agent's life, it comes back as what it was or was becoming", async () => {
  const counting = new Machine(new Disk());
  expect(live(counting)).toBeUndefined();
  await counting.end();
  const { operations } = counting.disk;
  expect(operations).toBeGreaterThan(100);
  let cuts = 0;
  for (let at = 0; at < operations; at++) {
    // After one is before the next; only a write can be torn.
    for (const how of counting.disk.writes.has(at) ? (["before", "torn"] as const) : (["before"] as const)) {
      for (const unflushed of ["kept", "content_lost", "lost"] as const) {
        const machine = new Machine(new Disk());
        machine.disk.cut = { at, how };
        const during = live(machine);
        machine.disk.powerOn(unflushed);
        checkReturn(machine, during);
        await machine.end();
        cuts++;
      }
    }
  }
  expect(cuts).toBe((operations + counting.disk.writes.size) * 3);
}, 120_000);

test("on a disk that fills up after enrolment every valid token is accepted, and comes off the same budget after a restart", async () => {
  const machine = new Machine(new Disk());
  machine.enrol();
  machine.disk.full = true;
  for (let turn = 0; turn < 3; turn++) machine.start();
  expect(machine.redeem(papers.first)).toBe("redeemed");
  machine.start();
  expect(machine.protection).toBe("lifted");
  expect(machine.redeem(papers.first)).toBe("resumed");
  expect(machine.redeem(papers.second)).toBe("redeemed");
  machine.reach(papers.answers.roots);
  machine.start();
  expect(machine.agent.running.bundle().version).toBe(2);
  for (const name of ["state", "journal"])
    expect(machine.disk.size(`${folder}/${name}`)).toBeGreaterThanOrEqual(reservedBytes);
  await machine.end();
});
