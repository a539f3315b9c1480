import type { Answer, Item } from "../../api/types.ts";

export type Key = Item<"/api/v1/keys">;
export type KeyReach = Answer<"/api/v1/keys/{kid}/reach">;

/** What a key signs. */
export const keyUseNames: Record<Key["use"], string> = {
  root: "Trust bundles",
  token: "Agent tokens",
  config: "Configs, answers",
  audit: "Checkpoints",
};

export const keyStateWords: Record<
  Key["state"],
  { readonly word: string; readonly tone: "good" | "info" | "mute" | "bad"; readonly means: string }
> = {
  active: { word: "Active", tone: "good", means: "It signs." },
  retiring: { word: "Retiring", tone: "info", means: "It is still in the trust bundle, beside its successor." },
  retired: {
    word: "Retired",
    tone: "mute",
    means: "It is kept for agents that were away since before the rotation, and for nothing else.",
  },
  compromised: { word: "Compromised", tone: "bad", means: "It never signs again, whatever coverage costs." },
};
