import { readFile } from "node:fs/promises";
import type { Command } from "commander";
import type { ChainHead, CheckpointClaims, CheckpointFile } from "../audit/checkpoint.ts";
import type { AuditEntry, AuditVerification } from "./answers.ts";
import { type Api, get, jsonOf, list } from "./api.ts";
import { examples, jsonOption, withApi } from "./command.ts";
import { CommandFailed, exitCodes, wrongUsage } from "./failure.ts";
import { tenantNames } from "./find.ts";
import { exchange } from "./http-exchange.ts";
import { isRefusedWith } from "./refused.ts";
import type { Terminal } from "./terminal.ts";
import { asJson, asTable, visible } from "./text.ts";
import { utcTime } from "./times.ts";
import { makeTokenFile } from "./token-file.ts";

type Chain = AuditVerification["chains"][number];

/** A long log takes its time. */
const timeoutMs = 30 * 60_000;
/** What one request may hold. */
const headsPerRequest = 200;

/** `postern audit verify` and `postern audit checkpoint` */
export function addAuditVerify(audit: Command, terminal: Terminal): void {
  audit
    .command("verify")
    .description(
      "Recompute the chains of the audit log. Exit code 3 when an entry was changed, removed, added or put elsewhere.",
    )
    .option("--checkpoint <file>", "also compare with a checkpoint that was kept: then a rewritten log shows, too")
    .addOption(jsonOption())
    .addHelpText("after", examples("postern audit verify", "postern audit verify --checkpoint checkpoint.json"))
    .action(withApi(terminal, (api, options: { checkpoint?: string; json?: true }) => verify(terminal, api, options)));

  audit
    .command("checkpoint")
    .description("Get the newest signed checkpoint, to be kept where the cluster's administrators cannot write.")
    .option("--out <file>", "into this file, which must not be there yet, instead of standard output")
    .addHelpText("after", examples("postern audit checkpoint --out checkpoint.json"))
    .action(withApi(terminal, (api, options: { out?: string }) => getCheckpoint(terminal, api, options)));
}

/** How chains are called: by their tenants. */
export async function chainNames(api: Api): Promise<(chain: { readonly tenantId: string | null }) => string> {
  const names = await tenantNames(api);
  return ({ tenantId }) => (tenantId === null ? "cluster" : (names.get(tenantId) ?? tenantId));
}

async function getCheckpoint(terminal: Terminal, api: Api, { out }: { readonly out?: string }): Promise<void> {
  const file: CheckpointFile = await get(api, "/audit/checkpoint");
  const { claims, kid } = await opened(api, file);
  const text = JSON.stringify(file, undefined, 2);
  if (out === undefined || out === "-") terminal.print(`${text}\n`);
  else await (await makeTokenFile(out)).fill(text);
  terminal.say(`Checkpoint of ${timeOf(claims)}, signed with the audit key ${kid}: note that id down.\n`);
  if (out !== undefined && out !== "-")
    terminal.say(`It is in ${out}. Keep it where this cluster's administrators cannot write.\n`);
}

async function verify(
  terminal: Terminal,
  api: Api,
  { checkpoint: path, json }: { readonly checkpoint?: string; readonly json?: true },
): Promise<void> {
  const kept = path === undefined ? undefined : await readKept(api, path);
  const inside = jsonOf<AuditVerification>(api, await api.request("GET", "/audit/verification", { timeoutMs }));
  const compared = kept === undefined ? [] : await compareWith(api, kept.heads);
  const byChain = new Map(inside.chains.map((chain) => [chain.tenantId, chain]));
  for (const chain of compared) if (chain.fault !== null) byChain.set(chain.tenantId, chain);
  const chains = [...byChain.values()];
  const lost = kept === undefined ? null : await lostCheckpoint(api, kept);
  const faults = chains.filter(({ fault }) => fault !== null);
  const isAsKept = faults.length === 0 && lost === null;
  const restores = kept === undefined || isAsKept || !inside.intact ? [] : await explainingRestores(api, kept, faults);
  const verification = {
    ...inside,
    chains,
    intact: inside.intact && isAsKept,
    ...(restores.length > 0 && { restores }),
  };

  const nameOf = json ? ({ tenantId }: Pick<Chain, "tenantId">) => tenantId ?? "cluster" : await chainNames(api);
  terminal.print(
    json
      ? asJson(verification)
      : asTable(chains, [
          { heading: "CHAIN", value: nameOf },
          { heading: "ENTRIES", value: ({ entries }) => String(entries) },
          { heading: "VERDICT", value: verdictOf },
          { heading: "HEAD", value: ({ head }) => head },
        ]),
  );
  if (verification.intact) {
    if (kept !== undefined) terminal.say(`Agrees with the checkpoint of ${timeOf(kept.claims)}.\n`);
    return;
  }
  if (kept !== undefined && restores.length > 0) throw restoredAfter(kept, restores, nameOf);
  const inWords = [
    ...faults.map((chain) => `${nameOf(chain)}: ${chain.fault?.detail}`),
    ...(inside.checkpoints.fault === null ? [] : [inside.checkpoints.fault.detail]),
    ...(lost === null ? [] : [lost]),
  ];
  const where = faults.length > 0 ? faults.map(nameOf).join(", ") : "its checkpoints";
  throw new CommandFailed(exitCodes.refused, `The audit log was tampered with: ${visible(where)}.`, [
    ...inWords.map((line) => `  ${visible(line)}`),
    "Compare with a copy of the database from before, and ask who could write to it since.",
  ]);
}

/** Differs from what was kept, as it must after a restore from a backup of before. Whether to believe that is not ours to say. */
function restoredAfter(
  { claims }: Kept,
  restores: readonly Restore[],
  nameOf: (chain: { readonly tenantId: string | null }) => string,
): CommandFailed {
  return new CommandFailed(
    exitCodes.refused,
    `The audit log was restored from a backup of before this checkpoint of ${timeOf(claims)}, so they cannot agree.`,
    [
      ...restores.map(
        (restore) =>
          `  ${visible(nameOf(restore))}: entries after ${restore.lastKeptSeq} were lost when the backup of ` +
          `${visible(restore.backupMadeAt)} was restored at ${visible(restore.restoredAt)}.`,
      ),
      "Apart from that the log holds. If you know of this restore, keep a new checkpoint: postern audit checkpoint --out FILE.",
      "If you do not, the log was tampered with.",
    ],
  );
}

/** A restore as an audit chain has it on record. */
interface Restore {
  readonly tenantId: string | null;
  readonly restoredAt: string;
  readonly backupMadeAt: string;
  /** The last entry that the backup had. */
  readonly lastKeptSeq: number;
}

/** Restores within the last so many are looked at. */
const maxRestores = 1_000;

/**
 * The restores on record that took away what a checkpoint had signed; none unless they explain every fault. A log that is
 * not intact by itself is explained by nothing.
 */
async function explainingRestores(api: Api, { claims, heads }: Kept, faults: readonly Chain[]): Promise<Restore[]> {
  const { items } = await list<AuditEntry>(api, "/audit", { action: "cluster.restore" }, maxRestores);
  const restores = items
    .map(({ tenantId, at, details }) => ({
      tenantId,
      restoredAt: at,
      backupMadeAt: String(details["backupMadeAt"]),
      lastKeptSeq: Number(details["lastKeptSeq"]),
    }))
    // A checkpoint's time is in seconds, cut off.
    .filter(({ restoredAt, backupMadeAt }) => {
      const at = claims.iat * 1000;
      return Date.parse(backupMadeAt) - 1000 < at && at <= Date.parse(restoredAt);
    });
  const explains = ({ tenantId, entries }: Chain) => {
    // A tenant that was made after the backup has gone with all of its chain.
    if (entries === 0) return restores.some((restore) => restore.tenantId === null);
    const head = heads.find(({ chain }) => chain === (tenantId ?? "cluster"));
    return restores.some(
      (restore) => restore.tenantId === tenantId && head !== undefined && restore.lastKeptSeq < head.seq,
    );
  };
  return faults.every(explains) ? restores : [];
}

function verdictOf({ fault, firstSeq }: Chain): string {
  if (fault !== null) return `${fault.code} at entry ${fault.seq}`;
  return firstSeq > 1 ? `intact from entry ${firstSeq}` : "intact";
}

interface Kept {
  readonly claims: CheckpointClaims;
  readonly kid: string;
  readonly heads: readonly ChainHead[];
  readonly jws: string;
}

async function readKept(api: Api, path: string): Promise<Kept> {
  let file: CheckpointFile;
  try {
    file = JSON.parse(await readFile(path, "utf8")) as CheckpointFile;
  } catch {
    throw wrongUsage(`${path} cannot be read, or is no checkpoint.`, "postern audit checkpoint --out FILE makes one.");
  }
  return opened(api, file);
}

/** Verifies a checkpoint with the audit keys that the cluster publishes. @throws {CommandFailed} 3: it proves nothing */
async function opened(api: Api, file: CheckpointFile): Promise<Kept> {
  // Loaded only here: most commands need no signatures, and are to start at once.
  const { CheckpointRefused, keysOfJwks, openCheckpointFile } = await import("../audit/checkpoint.ts");
  const url = new URL("/.well-known/jwks.json", api.url);
  const keys = keysOfJwks(jsonOf(api, await exchange({ method: "GET", url, headers: {} })));
  let kid = "";
  try {
    const keyOf = (named: string) => {
      kid = named;
      return keys.get(named);
    };
    return { ...openCheckpointFile(file, keyOf), kid, jws: file.checkpoint };
  } catch (error) {
    if (!(error instanceof CheckpointRefused)) throw error;
    throw new CommandFailed(exitCodes.refused, `The checkpoint proves nothing: ${error.message}. (${error.reason})`, [
      "Is it whole, and of this cluster?",
    ]);
  }
}

async function compareWith(api: Api, heads: readonly ChainHead[]): Promise<Chain[]> {
  const chains: Chain[] = [];
  for (let start = 0; start < heads.length; start += headsPerRequest) {
    const some = heads.slice(start, start + headsPerRequest).map(({ chain, seq, hash }) => ({
      tenantId: chain === "cluster" ? null : chain,
      seq,
      hash,
    }));
    const answer = await api.request("POST", "/audit/verification", { body: { heads: some }, timeoutMs });
    chains.push(...jsonOf<AuditVerification>(api, answer).chains);
  }
  return chains;
}

/** Whether the cluster still has the checkpoint that was kept. */
async function lostCheckpoint(api: Api, { claims, jws }: Kept): Promise<string | null> {
  try {
    const { checkpoint }: CheckpointFile = await get(api, "/audit/checkpoint", { n: claims.n });
    return checkpoint === jws ? null : `The cluster has another checkpoint ${claims.n} than the one that was kept.`;
  } catch (error) {
    if (!isRefusedWith(error, "not_found")) throw error;
    return `The cluster has lost checkpoint ${claims.n}, which was kept.`;
  }
}

function timeOf({ iat }: CheckpointClaims): string {
  return utcTime(iat * 1000);
}
