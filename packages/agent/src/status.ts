import type { StatusView } from "./commands.ts";
import { reportProtection } from "./core/report.ts";
import type { AgentState } from "./core/state.ts";
import type { EnrolledAgent, ServicePorts } from "./enrolled-agent.ts";
import type { LayerReport } from "./ports.ts";

/** Enrolled, and not able to work. Protection is on: nothing says that it may be off. */
export type Damage = "anchor_unreadable" | "data_unusable";

/** What this machine is to the service. */
export type Standing =
  | { readonly is: "enrolled"; readonly agent: EnrolledAgent }
  | { readonly is: "not_enrolled" | Damage; layers(): LayerReport };

/** The answer to `-status`. Looking moves nothing. */
export function statusOf(
  standing: Standing,
  ports: ServicePorts,
  pendingEnrolment?: StatusView["pendingEnrolment"],
): StatusView {
  const { platform, clock, agentVersion } = ports;
  const common = {
    agentVersion,
    platform: platform.name,
    systemTime: new Date(clock.systemNow()).toISOString(),
    ...(pendingEnrolment ? { pendingEnrolment } : {}),
  };
  if (standing.is !== "enrolled") {
    const damaged = standing.is !== "not_enrolled";
    const state = !platform.guard.supported ? "unsupported" : damaged ? "on" : "off";
    return {
      ...common,
      enrolled: damaged,
      protection: { state, since: 0, layers: { ...standing.layers() } },
      ...(standing.is === "not_enrolled" ? { because: standing.is } : { problem: standing.is }),
    };
  }
  const { anchor, running, journal } = standing.agent;
  const state = running.state();
  const update = standing.agent.updates.view();
  return {
    ...common,
    enrolled: true,
    agentId: anchor.agentId,
    tenantId: anchor.tenantId,
    clusterId: anchor.clusterId,
    clusterUrl: standing.agent.clusterUrl(),
    protection: reportProtection(state, platform.guard.supported, running.layers(), running.otherServices()),
    ...becauseOf(state),
    trustedTime: new Date(state.time.trustedMs).toISOString(),
    clockTrusted: state.time.clockTrusted,
    config: {
      rev: state.rev,
      serviceProtection: state.profile,
      ...(state.refusedConfig ? { refused: state.refusedConfig } : {}),
    },
    link: linkOf(standing.agent, clock.interruptMs()),
    journalWaiting: journal.entries().length,
    ...(update ? { update } : {}),
  };
}

/** Left out where the profile says something else than what is: then a user has to decide. */
function becauseOf({ protection, profile }: AgentState): Pick<StatusView, "because"> {
  if (protection.state === "lifted") return { because: "token" };
  return profile.on === (protection.state === "on") ? { because: "profile" } : {};
}

function linkOf(agent: EnrolledAgent, nowMs: number): NonNullable<StatusView["link"]> {
  const { reachedAtMs, trouble } = agent.link();
  return {
    ...(reachedAtMs === undefined ? {} : { reachedSecondsAgo: Math.max(0, Math.round((nowMs - reachedAtMs) / 1000)) }),
    ...(trouble === undefined ? {} : { trouble }),
  };
}
