import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isJournalEntry, journalEntryHash, journalStart } from "@postern/protocol";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { enrolledState } from "../core/start.ts";
import type { PersistedState } from "../core/state.ts";
import { reservedBytes } from "../limits.ts";
import { Disk, forEachPowerCut } from "./disk.fixture.ts";
import { nodeFileSystem } from "./file-system.ts";
import { beginJournal, openJournal } from "./journal-file.ts";
import { stateFile } from "./state-file.ts";
import { readTrustAnchor, type TrustAnchor, writeTrustAnchor } from "./trust-anchor.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "postern-store-"));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

const agentId = "0193-agent";
const journalId = "2f0c6f0e-7a53-4f6e-9a53-0d9f1d1f7a01";
const otherId = "2f0c6f0e-7a53-4f6e-9a53-0d9f1d1f7a02";

function stateOf(boot: number): PersistedState {
  return { ...enrolledState({ bundle: "a".repeat(boot * 100), iat: 1000 }), boot };
}

function entry(kind: string) {
  return { at: 1, trustedAt: 2, kind, data: { reason: kind } };
}

describe("the state", () => {
  test("comes back as it was written, and is one agent's", () => {
    const states = stateFile(nodeFileSystem, folder);
    expect(states.read(agentId)).toBeUndefined();
    states.write(agentId, stateOf(7));
    states.write(agentId, stateOf(3));
    expect(stateFile(nodeFileSystem, folder).read(agentId)).toEqual(stateOf(3));
    expect(states.read("another")).toBeUndefined();
  });

  test("cut anywhere in the second, third or fourth write, is one of the two around it", () => {
    for (const before of [1, 2, 3]) {
      let reported = before;
      forEachPowerCut(
        (disk) => {
          for (let boot = 1; boot <= before; boot++) stateFile(disk, folder).write(agentId, stateOf(boot));
          reported = before;
        },
        (disk) => {
          stateFile(disk, folder).write(agentId, stateOf(before + 1));
          reported = before + 1;
        },
        (disk, place) => {
          const found = stateFile(disk, folder).read(agentId)?.boot ?? 0;
          expect([before, before + 1], place).toContain(found);
          expect(found, place).toBeGreaterThanOrEqual(reported);
          // And the store goes on from there.
          stateFile(disk, folder).write(agentId, stateOf(9));
          expect(stateFile(disk, folder).read(agentId)).toEqual(stateOf(9));
        },
      );
    }
  });

  test.each([
    ["an altered byte", (path: string) => alter(path, 150)],
    ["a cut file", (path: string) => truncateSync(path, 120)],
    ["an empty file", (path: string) => truncateSync(path, 0)],
    ["something else", (path: string) => writeFileSync(path, "{}")],
  ])("with %s is unreadable, not something else", (_, damage) => {
    stateFile(nodeFileSystem, folder).write(agentId, stateOf(1));
    damage(join(folder, "state"));
    expect(stateFile(nodeFileSystem, folder).read(agentId)).toBeUndefined();
  });

  test.each([
    ["nothing in it", () => ({})],
    ["a quota of another version", (state: PersistedState) => ({ ...state, quotas: { verifiedRefusals: {} } })],
    [
      "a state of protection that there is not",
      (state: PersistedState) => ({ ...state, protection: { state: "half" } }),
    ],
    ["a time that no date can say", (state: PersistedState) => ({ ...state, time: { floorMs: 1e300, seenMs: 0 } })],
    ["used tokens that are no list", (state: PersistedState) => ({ ...state, usedTokens: {} })],
  ])("written whole, with %s, cannot be gone on with", (_, other) => {
    const states = stateFile(nodeFileSystem, folder);
    states.write(agentId, other(stateOf(1)) as PersistedState);
    expect(states.read(agentId)).toBeUndefined();
  });

  test("is written again and again on a full disk", () => {
    const disk = new Disk();
    stateFile(disk, folder).write(agentId, stateOf(1));
    disk.full = true;
    const states = stateFile(disk, folder);
    for (let boot = 2; boot < 20; boot++) states.write(agentId, stateOf(boot));
    expect(states.read(agentId)).toEqual(stateOf(19));
  });

  test("has its room on the real disk too, after the first write and the later ones", () => {
    const states = stateFile(nodeFileSystem, folder);
    for (const boot of [1, 2, 3]) {
      states.write(agentId, stateOf(boot));
      for (const name of ["state", "state.spare"]) {
        expect(statSync(join(folder, name)).size).toBeGreaterThanOrEqual(reservedBytes);
      }
    }
    expect(readdirSync(folder).sort()).toEqual(["state", "state.spare"]);
  });
});

describe("the journal", () => {
  test("chains its entries and goes on after a restart", () => {
    const journal = beginJournal(nodeFileSystem, folder, journalId);
    const first = journal.append(entry("one"));
    expect(first).toMatchObject({ seq: 1, prev: journalStart(journalId) });
    const { journal: again, damaged } = openJournal(nodeFileSystem, folder, otherId);
    expect(damaged).toBe(false);
    expect(again.id).toBe(journalId);
    expect(again.append(entry("two"))).toMatchObject({ seq: 2, prev: journalEntryHash(first) });
  });

  test("forgets what was acknowledged, and continues the chain", () => {
    const journal = beginJournal(nodeFileSystem, folder, journalId);
    const entries = ["one", "two", "three"].map((kind) => journal.append(entry(kind)));
    journal.acknowledged(2);
    expect(journal.entries().map(({ seq }) => seq)).toEqual([3]);
    journal.acknowledged(3);
    journal.acknowledged(99);
    const { journal: again } = openJournal(nodeFileSystem, folder, otherId);
    expect(again.entries()).toEqual([]);
    const [, , third] = entries;
    expect(again.append(entry("four"))).toMatchObject({ seq: 4, prev: third && journalEntryHash(third) });
  });

  test("loses at most the last line to a cut, never an older one, and nothing that was reported", () => {
    let reported: number[] = [];
    forEachPowerCut(
      (disk) => {
        const journal = beginJournal(disk, folder, journalId);
        for (const kind of ["one", "two", "three"]) journal.append(entry(kind));
        journal.acknowledged(1);
        reported = [2, 3];
      },
      (disk) => {
        const { journal } = openJournal(disk, folder, otherId);
        for (const kind of ["four", "five"]) reported.push(journal.append(entry(kind)).seq);
        reported = reported.filter((seq) => seq > 2);
        journal.acknowledged(2);
        reported.push(journal.append(entry("six")).seq);
      },
      (disk, place) => {
        const { journal, damaged } = openJournal(disk, folder, otherId);
        expect(damaged, place).toBe(false);
        const seqs = journal.entries().map(({ seq }) => seq);
        expect(seqs, place).toEqual(expect.arrayContaining(reported));
        const last = seqs.at(-1) ?? 0;
        expect(journal.append(entry("next")).seq, place).toBe(last + 1);
        expect(openJournal(disk, folder, otherId).journal.entries().at(-1)?.kind, place).toBe("next");
      },
    );
  });

  test("a cut finds nothing of a longer journal that stood in the same blocks before", () => {
    forEachPowerCut(
      (disk) => {
        const journal = beginJournal(disk, folder, journalId);
        for (let i = 1; i <= 10; i++) journal.append(entry("long"));
        // The second rewriting goes over what the ten entries were written in.
        journal.acknowledged(9);
        journal.acknowledged(10);
      },
      (disk) => {
        openJournal(disk, folder, otherId).journal.append(entry("next"));
      },
      (disk, place) => {
        const { journal, damaged } = openJournal(disk, folder, otherId);
        expect(damaged, place).toBe(false);
        expect(journal.append(entry("after")).seq, place).toBeGreaterThanOrEqual(11);
      },
    );
  });

  test("a last line of which the middle did not arrive is dropped as well", () => {
    const journal = beginJournal(nodeFileSystem, folder, journalId);
    for (const kind of ["one", "two"]) journal.append(entry(kind));
    alter(join(folder, "journal"), readFileSync(join(folder, "journal")).indexOf('"two"') + 1);
    const { journal: again, damaged } = openJournal(nodeFileSystem, folder, otherId);
    expect(damaged).toBe(false);
    expect(again.entries().map(({ kind }) => kind)).toEqual(["one"]);
  });

  test("damaged before its last line is laid aside, and another begins", () => {
    const journal = beginJournal(nodeFileSystem, folder, journalId);
    for (const kind of ["one", "two", "three"]) journal.append(entry(kind));
    const at = readFileSync(join(folder, "journal")).indexOf('"two"');
    alter(join(folder, "journal"), at + 1);
    const { journal: another, damaged } = openJournal(nodeFileSystem, folder, otherId);
    expect(damaged).toBe(true);
    expect(another.id).toBe(otherId);
    expect(readFileSync(join(folder, "journal.damaged")).includes('"three"')).toBe(true);
  });

  test("takes entries on a full disk, and is full before its room is", () => {
    const disk = new Disk();
    beginJournal(disk, folder, journalId);
    disk.full = true;
    const { journal: cramped } = openJournal(disk, folder, otherId);
    let appended = 0;
    while (!cramped.full()) {
      cramped.append(entry("refused"));
      appended++;
    }
    expect(appended).toBeGreaterThan(500);
    for (let i = 0; i < 50; i++) cramped.append(entry("redeemed"));
    cramped.acknowledged(appended);
    expect(openJournal(disk, folder, otherId).journal.entries()).toHaveLength(50);
    expect(cramped.full()).toBe(false);
  });

  test.each([
    { reason: "x".repeat(600) },
    { a: "ü".repeat(200), b: "☃".repeat(200), c: 1 },
    { a: `${"x".repeat(254)}😀`, ok: true },
    Object.fromEntries(Array.from({ length: 40 }, (_, index) => [`name${index}`, "x".repeat(300)])),
  ])("cuts data that no check-in could carry", (data) => {
    const journal = beginJournal(nodeFileSystem, folder, journalId);
    const written = journal.append({ at: 1, trustedAt: 2, kind: "drift", data });
    journal.append(entry("refused"));
    expect(journal.entries().every(isJournalEntry)).toBe(true);
    const reopened = openJournal(nodeFileSystem, folder, otherId).journal;
    expect(reopened.id).toBe(journalId);
    expect(reopened.entries()[0]).toEqual(written);
  });

  test.each([
    ["an id that is none", { id: "x" }],
    ["a hash that is none", { after: 5, prev: "x" }],
    ["another id than its chain began with", { id: otherId }],
    ["a number before the first", { after: -1 }],
  ])("that begins with %s is laid aside: nothing could follow", (_, other) => {
    const head = { v: 1, id: journalId, after: 0, prev: journalStart(journalId), ...other };
    writeFileSync(join(folder, "journal"), `${JSON.stringify(head)}\n`);
    expect(openJournal(nodeFileSystem, folder, otherId).damaged).toBe(true);
  });

  test("with a line deeper than any stack is laid aside, and does not end the agent", () => {
    const { id } = beginJournal(nodeFileSystem, folder, journalId);
    const head = JSON.stringify({ v: 1, id, after: 0, prev: journalStart(id) });
    const deep = `{"a":${"[".repeat(100_000)}${"]".repeat(100_000)}}`;
    const line = `x {"seq":1,"at":1,"trustedAt":2,"kind":"drift","data":${deep},"prev":"${journalStart(id)}"}`;
    writeFileSync(join(folder, "journal"), `${head}\n${line}\n${line}\n`);
    expect(openJournal(nodeFileSystem, folder, otherId).damaged).toBe(true);
  });

  test("with an entry that no check-in could carry is laid aside: it would hold up all after it", () => {
    const id = beginJournal(nodeFileSystem, folder, journalId).id;
    const bad = {
      seq: 1,
      at: 1,
      trustedAt: 2,
      kind: "drift",
      data: { reason: "x".repeat(600) },
      prev: journalStart(id),
    };
    const line = `${journalEntryHash(bad)} ${JSON.stringify(bad)}\n`;
    const head = { v: 1, id, after: 0, prev: journalStart(id) };
    writeFileSync(join(folder, "journal"), `${JSON.stringify(head)}\n${line}`);
    const { journal, damaged } = openJournal(nodeFileSystem, folder, otherId);
    expect({ id: journal.id, damaged, entries: journal.entries() }).toEqual({
      id: otherId,
      damaged: true,
      entries: [],
    });
    expect(readFileSync(join(folder, "journal.damaged")).includes('"drift"')).toBe(true);
  });

  test("gives a check-in no more than it can carry", () => {
    const journal = beginJournal(nodeFileSystem, folder, journalId);
    const longest = { reason: "x".repeat(225), detail: "x".repeat(225) };
    for (let i = 0; i < 150; i++) journal.append({ ...entry("refused"), data: longest });
    const batch = journal.batch(100);
    expect(batch.length).toBeLessThanOrEqual(100);
    expect(JSON.stringify(batch).length).toBeLessThan(66 * 1024);
    expect(batch[0]?.seq).toBe(1);
  });
});

describe("the trust anchor", () => {
  const anchor: TrustAnchor = {
    layout: 1,
    clusterId: "c",
    tenantId: "t",
    agentId,
    enrolledAt: 1,
    pinnedRoots: ["r"],
    identityKey: { kty: "OKP", crv: "Ed25519", x: "x", d: "d" },
    identity: "i",
    bundle: "b",
    cluster: { url: "https://cluster.example" },
  };

  test("is there as a whole or not at all", () => {
    const before = { ...anchor, agentId: "before" };
    for (const old of [undefined, before]) {
      forEachPowerCut(
        (disk) => old && writeTrustAnchor(disk, folder, old),
        (disk) => writeTrustAnchor(disk, folder, anchor),
        (disk, place) => expect([old ?? "none", anchor], place).toContainEqual(readTrustAnchor(disk, folder)),
      );
    }
  });

  test("damaged is not the same as not enrolled", () => {
    expect(readTrustAnchor(nodeFileSystem, folder)).toBe("none");
    writeTrustAnchor(nodeFileSystem, folder, anchor);
    alter(join(folder, "trust-anchor"), 130);
    expect(readTrustAnchor(nodeFileSystem, folder)).toBe("unreadable");
    // A file of ours that is something else now, or lies where nobody may look, is there all the same.
    rmSync(join(folder, "trust-anchor"));
    mkdirSync(join(folder, "trust-anchor"));
    expect(readTrustAnchor(nodeFileSystem, folder)).toBe("unreadable");
  });
});

function alter(path: string, at: number): void {
  const bytes = readFileSync(path);
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  writeFileSync(path, bytes);
}
