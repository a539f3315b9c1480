import { lazy, Suspense } from "react";
import type { Agent } from "../../api/types.ts";
import type { AgentDeed } from "./agent-menu.tsx";

const TokenDialog = lazy(async () => ({ default: (await import("../tokens/token-dialog.tsx")).TokenDialog }));
const LabelsDialog = lazy(async () => ({ default: (await import("./labels-dialog.tsx")).LabelsDialog }));
const DecommissionDialog = lazy(async () => ({
  default: (await import("./decommission-dialog.tsx")).DecommissionDialog,
}));
const DeleteDialog = lazy(async () => ({ default: (await import("./delete-dialog.tsx")).DeleteDialog }));

/** What a row's menu, or the list's, has asked for. */
export interface Asked {
  readonly deed: AgentDeed;
  /** Null: for none in particular. */
  readonly agent: Agent | null;
}

/** The dialog of what was asked for; each is loaded when it is wanted. */
export function AgentDeeds({
  asked,
  onClose,
  onDeleted = onClose,
}: {
  readonly asked: Asked | undefined;
  readonly onClose: () => void;
  readonly onDeleted?: () => void;
}) {
  if (asked === undefined) return null;
  return <Suspense fallback={null}>{dialogOf(asked, onClose, onDeleted)}</Suspense>;
}

function dialogOf({ deed, agent }: Asked, onClose: () => void, onDeleted: () => void) {
  if (deed === "token") return <TokenDialog agent={agent} onClose={onClose} />;
  if (agent === null) return null;
  const target = { agentIds: [agent.id] };
  switch (deed) {
    case "labels":
      return <LabelsDialog target={target} onClose={onClose} onDone={onClose} />;
    case "decommission":
      return <DecommissionDialog target={target} name={agent.hostName} onClose={onClose} onDone={onClose} />;
    case "delete":
      return <DeleteDialog agent={agent} onClose={onClose} onDone={onDeleted} />;
  }
}
