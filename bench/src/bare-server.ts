// The ceiling of `bench api`: a route that reads JSON, signs the claims of a token and answers, and does nothing else. It runs as a
// program of its own, as the clusters do, and prints its address when it listens.
import { generateKeyPairSync, randomUUID } from "node:crypto";
import { type AgentTokenClaims, mint } from "@postern/token";
import fastify from "fastify";
import { pooledSignerOf } from "../../packages/cluster/src/keys/pooled-signer.ts";
import { newTokenClaims } from "../../packages/cluster/src/tokens/token-claims.ts";

const signer = pooledSignerOf(generateKeyPairSync("ed25519").privateKey);
const clusterId = randomUUID();
const app = fastify();
const text = { type: "string" };
app.post<{ Body: { agentId: string } }>(
  "/agent-tokens",
  { schema: { response: { 201: { type: "object", properties: { id: text, kind: text, token: text } } } } },
  async (request, reply) => {
    const { agentId } = request.body;
    const claims: AgentTokenClaims = newTokenClaims({
      clusterId,
      target: { kind: "agent", agentId },
      jti: uuidV7(),
      nowMs: Date.now(),
      liftSeconds: 14_400,
      challenge: undefined,
    });
    return reply.code(201).send({ id: claims.jti, kind: "agent", token: await mint(claims, signer) });
  },
);
console.log(await app.listen({ host: "127.0.0.1", port: 0 }));

function uuidV7(): string {
  const random = randomUUID();
  return `${random.slice(0, 14)}7${random.slice(15)}`;
}
