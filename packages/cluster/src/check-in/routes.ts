import { maxBodyBytes, maxMessageChars, protocolHeader, protocolVersion } from "@postern/protocol";
import type { FastifyReply, FastifyRequest } from "fastify";
import { Type } from "typebox";
import { originOf } from "../http/origin.ts";
import { Problem } from "../http/problems.ts";
import { closed } from "../http/schema.ts";
import type { Server } from "../http/server.ts";
import { answerCheckIn } from "./check-in.ts";
import { enrolAgent } from "./enrol.ts";
import type { HeldCheckIns } from "./held.ts";
import { type CheckInOptions, createCheckInServices } from "./services.ts";

const Message = closed({
  request: Type.String({ minLength: 1, maxLength: maxMessageChars, description: "A signed message, JWS compact." }),
});
const Answer = Type.Object({ answer: Type.String({ description: "A signed message, JWS compact." }) });

const tags = ["agent protocol"];

/**
 * `/agent/v1`: what agents say. Messages are signed both ways; nothing here hangs on the connection. Gives the check-ins that
 * are held.
 */
export function checkInRoutes(app: Server, options: CheckInOptions): Pick<HeldCheckIns, "count"> {
  const services = createCheckInServices(options);
  app.addHook("preClose", async () => services.held.stop());

  app.post(
    "/agent/v1/enroll",
    {
      config: { access: { permission: "agent.enrol", scope: "agent" } },
      onRequest: requireProtocol,
      schema: { tags, summary: "Enrols an agent", body: Message, response: { 201: Answer } },
    },
    async (request, reply) => {
      const answer = await enrolAgent(services, request.body.request, originOf(request));
      return reply.code(201).send({ answer });
    },
  );

  app.post(
    "/agent/v1/check-in",
    {
      config: { access: { permission: "agent.check-in", scope: "agent" } },
      bodyLimit: maxBodyBytes,
      onRequest: requireProtocol,
      schema: {
        tags,
        summary: "Takes an agent's report, and answers when there is something new for it or the hold is over",
        body: Message,
        response: { 200: Answer },
      },
    },
    async (request, reply) => ({ answer: await answerCheckIn(services, request.body.request, goneSignal(reply)) }),
  );
  return services.held;
}

async function requireProtocol(request: FastifyRequest): Promise<void> {
  if (request.headers[protocolHeader] === String(protocolVersion)) return;
  throw new Problem("protocol_unsupported", `Send the header Postern-Protocol: ${protocolVersion}.`, {
    // RFC 9110 §15.5.22 asks for `Upgrade`; our own header is what agents read.
    headers: {
      [protocolHeader]: String(protocolVersion),
      upgrade: `postern/${protocolVersion}`,
      connection: "upgrade",
    },
  });
}

/** Aborted when the connection is closed before the answer was written. */
function goneSignal(reply: FastifyReply): AbortSignal {
  const controller = new AbortController();
  reply.raw.once("close", () => {
    if (!reply.raw.writableFinished) controller.abort();
  });
  return controller.signal;
}
