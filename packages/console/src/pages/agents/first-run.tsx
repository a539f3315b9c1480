import { Button } from "@mantine/core";
import { IconCheck } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { api, read } from "../../api/client.ts";
import { useMay } from "../../api/session.ts";
import type { Tenant } from "../../api/types.ts";
import { tenantsQuery } from "../../app/tenant.ts";
import { LoadingState } from "../../shared/states.tsx";
import { count } from "../../shared/words.ts";
import classes from "./first-run.module.css";

export type FirstStep = "tenant" | "key";

/**
 * Leads from a cluster without agents to its first one: a tenant, an activation key, the agent. Who may not take a step
 * reads who can.
 */
export function FirstRun({
  tenantId,
  onStep,
}: {
  /** The chosen one; its agents are waited for. */
  readonly tenantId: string | undefined;
  readonly onStep: (step: FirstStep) => void;
}) {
  const may = useMay();
  const tenants = useQuery(tenantsQuery);
  const mayRead = may("activation-key.read", tenantId);
  const keys = useQuery({
    queryKey: ["activation-keys", "usable", tenantId],
    queryFn: () =>
      read(
        api.GET("/api/v1/activation-keys", {
          params: { query: { limit: 200, sort: "-createdAt", ...(tenantId !== undefined && { tenantId }) } },
        }),
      ),
    enabled: mayRead,
  });
  if (tenants.isPending || (mayRead && keys.isPending)) return <LoadingState />;

  const found = tenants.data?.items ?? [];
  const chosen = found.find(({ id }) => id === tenantId);
  const usable = (keys.data?.items ?? []).filter(({ state }) => state === "usable").length;
  const hasTenant = found.length > 0;
  const hasKey = hasTenant && usable > 0;
  const mayCreate = may.everywhere("tenant.manage");
  const mayMakeKeys = may("activation-key.manage", tenantId);

  return (
    <div className={classes["guide"]}>
      <h2 className={classes["title"]}>
        {chosen ? `No agent has enrolled into ${chosen.name} yet` : "No agent has enrolled yet"}
      </h2>
      <p className={classes["lead"]}>Three steps lead to the first one. This page notices when it arrives.</p>
      <ol className={classes["steps"]}>
        <Step
          number={1}
          title="Create a tenant"
          state={hasTenant ? "done" : "now"}
          action={mayCreate && !hasTenant && <Button onClick={() => onStep("tenant")}>Create a tenant</Button>}
        >
          {tenantWords(chosen ?? (found.length === 1 ? found[0] : undefined), found.length, mayCreate)}
        </Step>
        <Step
          number={2}
          title="Make an activation key"
          state={hasKey ? "done" : hasTenant ? "now" : "later"}
          action={
            hasTenant &&
            mayMakeKeys && (
              <Button variant={hasKey ? "default" : "filled"} onClick={() => onStep("key")}>
                {hasKey ? "Make another key" : "Make an activation key"}
              </Button>
            )
          }
        >
          {hasKey
            ? `${count(usable, "usable key")}. Each was shown once: make another one if it is not at hand.`
            : mayMakeKeys
              ? "With it an agent enrols into its tenant. You get the commands for the workload along with it."
              : "With it an agent enrols into its tenant. A tenant owner or an agent installer makes it."}
        </Step>
        <Step number={3} title="Install the first agent" state={hasKey ? "now" : "later"}>
          Run the commands that come with the key on the workload. The agent then appears here by itself.
        </Step>
      </ol>
    </div>
  );
}

function tenantWords(one: Tenant | undefined, howMany: number, mayCreate: boolean): string {
  if (one !== undefined) return `${one.name} is there.`;
  if (howMany > 0) return `${count(howMany, "tenant")} are there.`;
  return mayCreate
    ? "A customer or a division of yours: agents, profiles and activation keys belong to one."
    : "There is none yet. A site administrator creates it.";
}

const stateWords = { done: "Done", now: "Next", later: "Later" };

function Step({
  number,
  title,
  state,
  action,
  children,
}: {
  readonly number: number;
  readonly title: string;
  readonly state: keyof typeof stateWords;
  readonly action?: ReactNode;
  readonly children: ReactNode;
}) {
  return (
    <li className={classes["step"]} data-state={state} aria-current={state === "now" ? "step" : undefined}>
      <span className={classes["mark"]} aria-hidden>
        {state === "done" ? <IconCheck size={16} stroke={2.4} /> : number}
      </span>
      <div className={classes["body"]}>
        <h3 className={classes["name"]}>
          {title}
          <span className={classes["state"]}>{stateWords[state]}</span>
        </h3>
        <p className={classes["words"]}>{children}</p>
        {action}
      </div>
    </li>
  );
}
