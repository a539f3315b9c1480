import { ActivationKeyDialog } from "../install/activation-key-dialog.tsx";
import { TenantDialog } from "../people/tenant-dialog.tsx";
import type { FirstStep } from "./first-run.tsx";

/** The dialog of a step. It stands beside the list, since an agent that arrives takes the steps away and not the dialog. */
export function FirstRunDialog({ step, onClose }: { readonly step: FirstStep; readonly onClose: () => void }) {
  return step === "tenant" ? (
    <TenantDialog tenant={null} onClose={onClose} />
  ) : (
    <ActivationKeyDialog onClose={onClose} />
  );
}
