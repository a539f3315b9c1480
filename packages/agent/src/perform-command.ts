import { challengeRandomBytes, encodeChallenge } from "@postern/token";
import { type Command, type CommandAnswer, type RefusalDetail, refuse, viewOf } from "./commands.ts";
import type { EnrolledAgent, ServicePorts } from "./enrolled-agent.ts";
import { challengeMs } from "./limits.ts";

/** The commands that are for an agent that has enrolled. */
export type AgentCommand = Exclude<Command, { command: "enroll" | "status" | "installer_asks" }>;

/**
 * Does what the command line asks and says what came of it.
 *
 * @throws {NotSaved} the lift could not be written down: protection is as it was
 */
export function performCommand(command: AgentCommand, agent: EnrolledAgent, ports: ServicePorts): CommandAnswer {
  switch (command.command) {
    case "unprotect":
      return unprotect(command.token);
    case "protect":
      return protect();
    case "challenge":
      return challenge();
    case "explain":
      return explain(command.token);
    case "installer_done":
      agent.apply({ type: "installerDone" });
      agent.updates.look();
      return { v: 1, ok: true, result: { installer: "noted" } };
  }

  function unprotect(token: string): CommandAnswer {
    const outcome = agent.apply({ type: "redeem", token });
    if (outcome && "accepted" in outcome) {
      const { accepted: unprotected, leftSeconds } = outcome;
      return { v: 1, ok: true, result: { unprotected, leftSeconds } };
    }
    if (!outcome || !("refused" in outcome)) return refuse("internal_error");
    const { refused, claims } = outcome;
    return refuse(refused, claims ? { ...detail(), token: viewOf(claims) } : detail());
  }

  function protect(): CommandAnswer {
    const outcome = agent.apply({ type: "protect" });
    if (!outcome || !("protect" in outcome)) return refuse("internal_error");
    if (outcome.protect === "not_protected") return refuse("not_protected", detail());
    return { v: 1, ok: true, result: { protected: outcome.protect } };
  }

  function challenge(): CommandAnswer {
    if (agent.running.state().protection.state === "off") return refuse("not_protected", detail());
    const text = encodeChallenge(ports.randomBytes(challengeRandomBytes));
    agent.apply({ type: "challenge", text });
    return { v: 1, ok: true, result: { challenge: text, validSeconds: challengeMs / 1000 } };
  }

  function explain(token: string): CommandAnswer {
    const { claims, refusal } = agent.running.explain(token);
    if (!claims) return refuse(refusal ?? "malformed", detail());
    return { v: 1, ok: true, result: { explained: viewOf(claims, refusal), detail: detail() } };
  }

  function detail(): RefusalDetail {
    const { protection, time } = agent.running.state();
    const because = ports.platform.guard.supported ? "off" : "unsupported";
    return {
      trustedMs: time.trustedMs,
      systemMs: ports.clock.systemNow(),
      ...(protection.state === "off" ? { unprotectedBecause: because } : {}),
    };
  }
}
