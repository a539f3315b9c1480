import { Type } from "typebox";
import { accessOf, type Reach } from "../http/access.ts";
import { closed, nullable, oneOf, Uuid } from "../http/schema.ts";
import type { Server } from "../http/server.ts";
import type { Db } from "../schema.ts";
import type { ChainHead } from "./checkpoint.ts";
import { chainOf, tenantOf } from "./entry.ts";
import { chainFaults, checkpointFaults } from "./faults.ts";
import { type ChainVerdict, listChains, verifyChain } from "./verify.ts";
import { type CheckpointKeys, type CheckpointsVerdict, verifyCheckpoints } from "./verify-checkpoints.ts";

const Verification = Type.Object({
  intact: Type.Boolean(),
  checkpoints: Type.Object({
    newest: Type.Integer({ description: "The number of the newest checkpoint; 0: there is none." }),
    fault: nullable(Type.Object({ n: Type.Integer(), code: oneOf(checkpointFaults), detail: Type.String() })),
  }),
  chains: Type.Array(
    Type.Object({
      tenantId: nullable(Uuid),
      firstSeq: Type.Integer({ description: "1, or a later entry when retention has pruned those before." }),
      entries: Type.Integer({ description: "How many are intact, up to the fault." }),
      head: Type.String(),
      signedSeq: Type.Integer({ description: "Checkpoints agree up to this entry." }),
      fault: nullable(Type.Object({ seq: Type.Integer(), code: oneOf(chainFaults), detail: Type.String() })),
    }),
  ),
});

/** Heads of checkpoints that were kept outside; those of one request must fit its body. */
const KeptHeads = closed({
  heads: Type.Array(
    closed({
      tenantId: nullable(Uuid),
      seq: Type.Integer({ minimum: 1 }),
      hash: Type.String({ pattern: "^[0-9a-f]{64}$", maxLength: 64, mustBe: "a SHA-256 in hex" }),
    }),
    { maxItems: 200 },
  ),
});

/** Recomputes the audit log, and with `POST` compares it with heads that were kept outside the cluster. */
export function verificationRoutes(api: Server, reads: Db, keys: CheckpointKeys): void {
  const config = { access: { permission: "audit.read", scope: "tenant" } } as const;

  api.get(
    "/audit/verification",
    {
      config,
      schema: { tags: ["audit"], summary: "Recomputes the chains of the audit log", response: { 200: Verification } },
    },
    async (request) => {
      const checkpoints = await verifyCheckpoints(reads, keys);
      const chains = await chainsWithin(reads, accessOf(request).reach());
      return toVerification(checkpoints, await verifyAll(reads, chains, [], checkpoints));
    },
  );

  api.post(
    "/audit/verification",
    {
      config,
      schema: {
        tags: ["audit"],
        summary: "Recomputes the chains whose heads are given, and compares them with these heads",
        body: KeptHeads,
        response: { 200: Verification },
      },
    },
    async (request) => {
      const access = accessOf(request);
      const reach = access.reach();
      const kept = request.body.heads.map(({ tenantId, ...head }) => ({ ...head, chain: chainOf(tenantId) }));
      // The cluster's own chain is nobody's tenant: out of reach it must look like none, too.
      if (reach !== "everywhere") for (const { chain } of kept) access.requireTenant(chain);
      const checkpoints = await verifyCheckpoints(reads, keys);
      const chains = [...new Set(kept.map(({ chain }) => chain))].sort();
      return toVerification(checkpoints, await verifyAll(reads, chains, kept, checkpoints));
    },
  );
}

async function chainsWithin(reads: Db, reach: Reach): Promise<string[]> {
  return reach === "everywhere" ? listChains(reads) : [...reach].sort();
}

async function verifyAll(
  reads: Db,
  chains: readonly string[],
  kept: readonly ChainHead[],
  { newest: newestCheckpoint }: CheckpointsVerdict,
): Promise<ChainVerdict[]> {
  const keptOf = Map.groupBy(kept, ({ chain }) => chain);
  const verdicts: ChainVerdict[] = [];
  for (const chain of chains) {
    verdicts.push(await verifyChain(reads, chain, { kept: keptOf.get(chain) ?? [], newestCheckpoint }));
  }
  return verdicts;
}

function toVerification(checkpoints: CheckpointsVerdict, verdicts: readonly ChainVerdict[]) {
  return {
    intact: checkpoints.fault === null && verdicts.every(({ fault }) => fault === null),
    checkpoints,
    chains: verdicts.map(({ chain, ...verdict }) => ({ tenantId: tenantOf(chain), ...verdict })),
  };
}
