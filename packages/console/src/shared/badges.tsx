import {
  type Icon,
  IconAlertTriangle,
  IconCircleDashed,
  IconCircleFilled,
  IconCircleOff,
  IconCircleX,
  IconHistory,
  IconReplace,
  IconShieldCheck,
  IconShieldHalf,
  IconShieldOff,
  IconShieldX,
} from "@tabler/icons-react";
import type { ReactNode } from "react";
import type { Agent } from "../api/types.ts";
import classes from "./badges.module.css";
import { type AgentState, stateWords } from "./words.ts";

export type Tone = "good" | "warn" | "bad" | "info" | "mute";

/** A state as a word, with a colour and an icon that say the same: never colour alone. */
export function Badge({
  tone,
  icon: IconOf,
  hint,
  children,
}: {
  readonly tone: Tone;
  readonly icon?: Icon;
  /** What the word means, under the pointer. */
  readonly hint?: string;
  readonly children: ReactNode;
}) {
  return (
    <span className={classes["badge"]} data-tone={tone} data-hint={hint}>
      {IconOf && <IconOf size={13} stroke={2} aria-hidden />}
      {children}
    </span>
  );
}

type Protection = NonNullable<Agent["protection"]>;

export const protectionWords: Record<
  Protection | "not_reported" | "would_drop",
  { word: string; tone: Tone; icon: Icon; means: string }
> = {
  on: {
    word: "On",
    tone: "good",
    icon: IconShieldCheck,
    means: "Nobody on the workload can stop, disable or uninstall the agent.",
  },
  lifted: {
    word: "Lifted",
    tone: "warn",
    icon: IconShieldHalf,
    means: "An agent token was redeemed. Protection comes back by itself.",
  },
  off: {
    word: "Off",
    tone: "bad",
    icon: IconShieldOff,
    means: "The agent's profile has service protection switched off, or not yet on.",
  },
  unsupported: {
    word: "Unsupported",
    tone: "mute",
    icon: IconShieldX,
    means: "Service protection is for Windows only.",
  },
  not_reported: {
    word: "Not reported",
    tone: "mute",
    icon: IconCircleDashed,
    means: "The agent has enrolled and not reported its protection yet.",
  },
  would_drop: {
    word: "Would drop",
    tone: "warn",
    icon: IconAlertTriangle,
    means: "Its facts alone would move it to an unprotecting profile. It keeps its protection until a user confirms.",
  },
};

/** An agent's protection as it reported it last. */
export function ProtectionBadge({ protection }: { readonly protection: Agent["protection"] | "would_drop" }) {
  const { word, tone, icon, means } = protectionWords[protection ?? "not_reported"];
  return (
    <Badge tone={tone} icon={icon} hint={means}>
      {word}
    </Badge>
  );
}

const stateIcons: Record<AgentState, Icon> = {
  active: IconCircleFilled,
  inactive: IconCircleOff,
  restored: IconHistory,
  replaced: IconReplace,
  decommissioned: IconCircleX,
};

/** How an agent stands: whether it is heard of as it should be, or what was said of it. */
export function StateBadge({ state }: { readonly state: AgentState }) {
  const { word, tone, means } = stateWords[state];
  const IconOf = stateIcons[state];
  return (
    <span className={classes["plain"]} data-tone={tone} data-hint={means}>
      <IconOf size={state === "active" ? 8 : 13} aria-hidden />
      {word}
    </span>
  );
}

/** A label of an agent. */
export function Label({ children }: { readonly children: string }) {
  return <span className={classes["label"]}>{children}</span>;
}
