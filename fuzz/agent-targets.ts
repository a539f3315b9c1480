import { isJournalEntry, journalEntryHash, journalStart, openTrustBundle } from "@postern/protocol";
import { parseCommand } from "../packages/agent/src/commands.ts";
import { begin, enrolledState, recoveredState } from "../packages/agent/src/core/start.ts";
import { type PersistedState, persistedOf } from "../packages/agent/src/core/state.ts";
import { step } from "../packages/agent/src/core/step.ts";
import { LineReader, LineTooLong } from "../packages/agent/src/framing.ts";
import { commandBytes } from "../packages/agent/src/limits.ts";
import { Disk } from "../packages/agent/src/store/disk.fixture.ts";
import { beginJournal, openJournal } from "../packages/agent/src/store/journal-file.ts";
import { encodeRecord } from "../packages/agent/src/store/sealed-record.ts";
import { stateFile } from "../packages/agent/src/store/state-file.ts";
import { readPendingEnrolment, readTrustAnchor } from "../packages/agent/src/store/trust-anchor.ts";
import { iat, sampleWorld } from "../packages/protocol/vectors/samples.ts";
import { mutateBytes } from "./mutate-bytes.ts";
import { mutateJson } from "./mutate-json.ts";
import type { Random } from "./random.ts";
import { promise, type Target } from "./target.ts";

const folder = "/data";
const world = await sampleWorld();

const commands: readonly [object, ...object[]] = [
  { v: 1, command: "status" },
  { v: 1, command: "unprotect", token: "eyJ.eyJ.c2ln" },
  { v: 1, command: "explain", token: "eyJ.eyJ.c2ln" },
  { v: 1, command: "enroll", cluster: "https://cluster.example", key: "postern-ak1.x", ca: "PEM", proxy: "http://p" },
];

/** The pipe's and the socket's lines, however they arrive. */
export function frameTarget(): Target {
  return {
    name: "frame",
    outcomes: ["line", "waiting", "too_long"],
    async input(random) {
      const line = `${JSON.stringify(random.pick(commands))}${random.oneIn(3) ? "" : "\n"}`;
      return random.oneIn(10) ? random.bytes(random.below(200_000)) : mutateBytes(Buffer.from(line), random);
    },
    read(input) {
      const bytes = Buffer.from(input);
      const end = bytes.indexOf("\n");
      const whole = readPieces(bytes, bytes.length);
      // The cut is the input's own, so that a finding can be repeated.
      const cut = readPieces(bytes, 1 + ((bytes[0] ?? 0) % 7) * 1000);
      promise(whole.outcome === cut.outcome && whole.line === cut.line, "where a line is cut does not matter");
      promise(whole.outcome !== "line" || whole.line === bytes.subarray(0, end).toString("utf8"), "the line as sent");
      promise(whole.outcome !== "line" || end <= commandBytes, "a line has its bound");
      return whole.outcome;
    },
  };
}

function readPieces(bytes: Buffer, pieceBytes: number): { outcome: string; line?: string } {
  const reader = new LineReader(commandBytes);
  try {
    for (let at = 0; at < bytes.length; at += Math.max(1, pieceBytes)) {
      const line = reader.push(bytes.subarray(at, at + pieceBytes));
      if (line !== undefined) return { outcome: "line", line };
    }
    return { outcome: "waiting" };
  } catch (error) {
    if (error instanceof LineTooLong) return { outcome: "too_long" };
    throw error;
  }
}

/** What a line asks of the service. */
export function commandTarget(): Target {
  return {
    name: "command",
    outcomes: ["undefined", "status", "protect", "challenge", "unprotect", "explain", "enroll"],
    async input(random) {
      if (random.oneIn(3)) return mutateBytes(Buffer.from(JSON.stringify(random.pick(commands))), random);
      const names = ["status", "protect", "challenge", "unprotect", "explain", "enroll", "stop"] as const;
      return mutateJson({ ...random.pick(commands), command: random.pick(names) }, random);
    },
    read(input) {
      const command = parseCommand(Buffer.from(input).toString("utf8"));
      if (!command) return "undefined";
      const { command: name, ...others } = command;
      promise(
        Object.values(others).every((value) => typeof value === "string"),
        "a command's members are text",
      );
      return name;
    },
  };
}

/** The journal on the disk, spoiled as bytes and in what its lines say. */
export function journalTarget(): Target {
  const id = world.agentId;
  return {
    name: "journal",
    outcomes: ["read", "cut", "laid_aside"],
    async input(random) {
      const bytes = journalBytes(id, random);
      return random.oneIn(2) ? bytes : mutateBytes(bytes, random);
    },
    read(input) {
      const disk = new Disk();
      disk.write(`${folder}/journal`, 0, input);
      const { journal, damaged } = openJournal(disk, folder, "00000000-0000-4000-8000-000000000001");
      const entries = journal.entries();
      promise(entries.every(isJournalEntry), "every entry can be sent");
      const chained = entries.every((entry, at) => {
        const before = entries[at - 1];
        return !before || (entry.seq === before.seq + 1 && entry.prev === journalEntryHash(before));
      });
      promise(chained, "the entries are one chain");
      const next = journal.append({ at: 1, trustedAt: 2, kind: "refused", data: { reason: "expired" } });
      const again = openJournal(disk, folder, "00000000-0000-4000-8000-000000000002");
      promise(!again.damaged && again.journal.id === journal.id, "it goes on after what was read");
      promise(journalEntryHash(again.journal.entries().at(-1) ?? next) === journalEntryHash(next), "and ends there");
      if (damaged) return "laid_aside";
      return Buffer.from(input).toString("latin1").split("\n").length - 2 > entries.length ? "cut" : "read";
    },
  };
}

/** A journal of some entries; in one of two, one of them says something else, under a hash that is right. */
function journalBytes(id: string, random: Random): Uint8Array {
  const disk = new Disk();
  const journal = beginJournal(disk, folder, id);
  const count = random.below(6);
  for (let at = 0; at < count; at++) {
    journal.append({ at, trustedAt: at, kind: "refused", data: { reason: "expired", at } });
  }
  if (count > 2 && random.oneIn(3)) journal.acknowledged(1);
  const whole = Buffer.from(disk.read(`${folder}/journal`) ?? []);
  const written = whole.subarray(0, whole.indexOf(0));
  if (random.oneIn(2)) return random.oneIn(4) ? whole : written;
  const seq = random.oneIn(3) ? random.below(10) : 1;
  const entry = { seq, at: 1, trustedAt: 2, kind: "drift", data: { layer: "pipe" }, prev: journalStart(id) };
  const changed = mutateJson(entry, random);
  const head = random.oneIn(3)
    ? mutateJson({ v: 1, id, after: 0, prev: journalStart(id) }, random)
    : Buffer.from(JSON.stringify({ v: 1, id, after: seq - 1, prev: journalStart(id) }));
  const line = Buffer.concat([Buffer.from(`${hashOf(changed)} `), changed]);
  return Buffer.concat([head, Buffer.from("\n"), line, Buffer.from("\n"), random.oneIn(2) ? Buffer.alloc(9) : written]);
}

function hashOf(entry: Uint8Array): string {
  try {
    return journalEntryHash(JSON.parse(Buffer.from(entry).toString("utf8")));
  } catch {
    return "A".repeat(43);
  }
}

const lifted: PersistedState = {
  ...enrolledState({ bundle: world.bundle, iat }),
  protection: { state: "lifted", sinceMs: iat * 1000, jti: world.nonce },
  usedTokens: [{ jti: world.nonce, exp: iat + 900, leftMs: 60_000_000 }],
  revoked: [world.agentId],
  upkeep: { urls: ["https://cluster.example"] },
  refusedConfig: { rev: 3, code: "stale_revision" },
};

const states: readonly [PersistedState, ...PersistedState[]] = [
  lifted,
  { ...lifted, protection: { state: "on", sinceMs: iat * 1000 } },
  enrolledState({ bundle: world.bundle, iat }),
];

/** The state on the disk, and the agent's first steps on what was read. */
export function stateTarget(): Target {
  return {
    name: "state",
    outcomes: ["unreadable", "off", "on", "lifted"],
    async input(random) {
      const record = { layout: 1, agentId: world.agentId, state: random.pick(states) };
      const sealed = encodeRecord(record);
      return random.oneIn(3) ? mutateBytes(sealed, random) : resealed(mutateJson(record, random), sealed);
    },
    read(input) {
      const disk = new Disk();
      disk.write(`${folder}/state`, 0, input);
      const persisted = stateFile(disk, folder).read(world.agentId);
      if (!persisted) return "unreadable";
      return comesUp(persisted);
    },
  };
}

/** As `enrolled-agent.ts` starts: what nothing can be begun with counts as unreadable; what can, has to work. */
function comesUp(persisted: PersistedState): string {
  const context = {
    supported: true,
    readings: { systemMs: iat * 1000 + 5000, interruptMs: 1000 },
    builtAtMs: 0,
    agentVersion: "1.0.0",
    journalFull: false,
  };
  let bundle: ReturnType<typeof openTrustBundle>;
  let state: ReturnType<typeof begin>["state"];
  try {
    bundle = openTrustBundle(persisted.bundle, { version: 0, thumbprints: new Set(world.pinnedRoots) });
    state = begin(persisted, context).state;
  } catch {
    const recovered = begin(recoveredState({ bundle: world.bundle, enrolledAt: iat }, []), context).state;
    promise(recovered.protection.state === "on", "an unreadable state means on");
    return "unreadable";
  }
  const trust = { ...world, tokenKeys: bundle.tokenKeys };
  const events = [{ type: "tick" }, { type: "redeem", token: "e.e.e" }, { type: "protect" }] as const;
  const first = state.protection.state;
  for (const event of events) {
    const { effects, ...next } = step(state, event, {
      interruptMs: state.time.interruptMs + 30_000,
      supported: true,
      trust,
      journalFull: false,
    });
    promise(Math.abs(next.state.time.trustedMs) <= 8.64e15 + 60_000, "trusted time is a time");
    promise(effects.length < 50, "a step does little");
    state = next.state;
  }
  JSON.stringify(persistedOf(state));
  return first;
}

/** The files that enrolling leaves: whose agent this is, and the request under way. */
export function anchorTarget(): Target {
  const anchor = {
    layout: 1,
    clusterId: world.clusterId,
    tenantId: world.tenantId,
    agentId: world.agentId,
    enrolledAt: iat,
    pinnedRoots: world.pinnedRoots,
    rootsVersion: 0,
    identityKey: { ...world.identityJwk, d: "A".repeat(43) },
    identity: "i",
    bundle: world.bundle,
    cluster: { url: "https://cluster.example" },
  };
  return {
    name: "anchor",
    outcomes: ["read", "unreadable"],
    async input(random) {
      const sealed = encodeRecord(anchor);
      return random.oneIn(3) ? mutateBytes(sealed, random) : resealed(mutateJson(anchor, random), sealed);
    },
    read(input) {
      const disk = new Disk();
      disk.write(`${folder}/trust-anchor`, 0, input);
      disk.write(`${folder}/enrolling`, 0, input);
      readPendingEnrolment(disk, folder);
      const read = readTrustAnchor(disk, folder);
      promise(read !== "none", "a damaged anchor is not a missing one");
      return read === "unreadable" ? "unreadable" : "read";
    },
  };
}

/** JSON text under a digest that is right. What is no JSON stays under the old one. */
function resealed(json: Uint8Array, otherwise: Uint8Array): Uint8Array {
  const value = Buffer.from(json).toString("utf8");
  try {
    return encodeRecord(JSON.parse(value));
  } catch {
    return otherwise;
  }
}
