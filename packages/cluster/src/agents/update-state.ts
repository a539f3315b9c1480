import type { Platform } from "@postern/protocol";
import { versionOrder } from "./version-order.ts";

/**
 * How far an agent is on its way to the version that is wanted of it. `waiting_for_package`: the cluster has none of it.
 * `updating`: it is told of one, and has still to be of that version. `newer`: it is beyond; no agent goes back by itself.
 */
export const updateStates = ["done", "updating", "waiting_for_package", "newer"] as const;
export type UpdateState = (typeof updateStates)[number];

/** @param here the versions of which there is a package @returns null: no version is wanted of it, or it cannot be updated */
export function updateOf(
  agent: { readonly platform: Platform; readonly agentVersion: string },
  desiredVersion: string | null,
  here: ReadonlySet<string>,
): { readonly desiredVersion: string; readonly state: UpdateState } | null {
  if (desiredVersion === null || agent.platform !== "windows") return null;
  if (agent.agentVersion === desiredVersion) return { desiredVersion, state: "done" };
  if (versionOrder(agent.agentVersion) > versionOrder(desiredVersion)) return { desiredVersion, state: "newer" };
  return { desiredVersion, state: here.has(desiredVersion) ? "updating" : "waiting_for_package" };
}
