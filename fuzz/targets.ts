import { kinds } from "../packages/protocol/vectors/world.ts";
import { anchorTarget, commandTarget, frameTarget, journalTarget, stateTarget } from "./agent-targets.ts";
import { messageTarget, tokenTarget, typedTarget } from "./message-targets.ts";
import type { Target } from "./target.ts";

/** Every reader in the agent's reach that is given what it did not make itself. */
export const targets: readonly Target[] = [
  tokenTarget(),
  ...kinds.map(messageTarget),
  typedTarget("activation-key"),
  typedTarget("challenge"),
  frameTarget(),
  commandTarget(),
  journalTarget(),
  stateTarget(),
  anchorTarget(),
];
