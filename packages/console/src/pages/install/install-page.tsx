import { Button, Menu, Text } from "@mantine/core";
import { IconBan, IconPlus } from "@tabler/icons-react";
import { useState } from "react";
import { api, read } from "../../api/client.ts";
import { useMay } from "../../api/session.ts";
import type { Item } from "../../api/types.ts";
import { useAction } from "../../api/use-action.ts";
import { useTenantId, useTenantName } from "../../app/tenant.ts";
import { Badge, type Tone } from "../../shared/badges.tsx";
import { Confirm } from "../../shared/confirm.tsx";
import type { Column } from "../../shared/list/column.ts";
import { DataTable } from "../../shared/list/data-table.tsx";
import { firstPage, useList } from "../../shared/list/use-list.ts";
import { PageHeader } from "../../shared/page-header.tsx";
import { RelativeTime } from "../../shared/relative-time.tsx";
import { useSearchState } from "../../shared/search-state.ts";
import { EmptyState } from "../../shared/states.tsx";
import { NewestPackage } from "../packages/newest-package.tsx";
import { ActivationKeyDialog } from "./activation-key-dialog.tsx";
import { installPage } from "./pages.ts";

type ActivationKey = Item<"/api/v1/activation-keys">;

const stateWords: Record<ActivationKey["state"], { readonly word: string; readonly tone: Tone }> = {
  usable: { word: "Usable", tone: "good" },
  used_up: { word: "Used up", tone: "mute" },
  expired: { word: "Expired", tone: "mute" },
  revoked: { word: "Revoked", tone: "mute" },
};

export function InstallPage() {
  const may = useMay();
  const tenantId = useTenantId();
  const tenantName = useTenantName();
  const [search] = useSearchState();
  const [creating, setCreating] = useState(false);
  const [revoking, setRevoking] = useState<ActivationKey>();
  const list = useList({
    name: "activation-keys",
    filters: { ...search, ...firstPage, tenantId },
    sortFields: ["createdAt"],
    defaultSort: "-createdAt",
    load: (request) =>
      read(
        api.GET("/api/v1/activation-keys", {
          params: { query: { ...request, ...(tenantId !== undefined && { tenantId }) } },
        }),
      ),
  });
  const revoke = useAction(
    ({ id }: ActivationKey) => api.DELETE("/api/v1/activation-keys/{id}", { params: { path: { id } } }),
    {
      changes: [["activation-keys"]],
      done: "Nobody enrols with this key any more.",
      onDone: () => setRevoking(undefined),
    },
  );
  const columns: readonly Column<ActivationKey>[] = [
    {
      id: "description",
      header: "For",
      fixed: true,
      grows: true,
      width: "13rem",
      cell: ({ description }) => description || "–",
    },
    { id: "tenant", header: "Tenant", width: "11rem", cell: (key) => tenantName(key.tenantId) },
    {
      id: "state",
      header: "State",
      width: "8rem",
      cell: ({ state }) => <Badge tone={stateWords[state].tone}>{stateWords[state].word}</Badge>,
    },
    {
      id: "uses",
      header: "Agents",
      width: "6rem",
      align: "end",
      cell: ({ uses, maxUses }) => (
        <span className="number">
          {uses.toLocaleString("en")} of {maxUses.toLocaleString("en")}
        </span>
      ),
    },
    {
      id: "expiresAt",
      header: "Expires",
      width: "8rem",
      cell: ({ expiresAt }) => <RelativeTime at={expiresAt} focusable={false} />,
    },
    { id: "createdBy", header: "Made by", width: "9rem", cell: ({ createdBy }) => createdBy },
    {
      id: "createdAt",
      header: "Made",
      sort: "createdAt",
      width: "8rem",
      cell: ({ createdAt }) => <RelativeTime at={createdAt} focusable={false} />,
    },
  ];
  const create = may("activation-key.manage", tenantId) && (
    <Button leftSection={<IconPlus size={16} aria-hidden />} onClick={() => setCreating(true)}>
      Get an activation key
    </Button>
  );
  return (
    <>
      <PageHeader
        page={installPage}
        actions={
          <>
            <NewestPackage />
            {create}
          </>
        }
      >
        An agent enrols into a tenant with an activation key. You get the key and the commands to run on the workload.
      </PageHeader>
      <DataTable
        label="Activation keys"
        list={list}
        columns={columns}
        rowId={({ id }) => id}
        rowName={({ description, id }) => description || `activation key ${id.slice(-6)}`}
        rowMenu={(key) => (
          <Menu.Item
            color="red"
            leftSection={<IconBan size={16} aria-hidden />}
            disabled={key.state !== "usable" || !may("activation-key.manage", key.tenantId)}
            onClick={() => setRevoking(key)}
          >
            Revoke
          </Menu.Item>
        )}
        empty={
          <EmptyState title="No activation key was made yet" action={create}>
            Without one, no agent enrols.
          </EmptyState>
        }
      />
      {creating && <ActivationKeyDialog onClose={() => setCreating(false)} />}
      {revoking && (
        <Confirm
          title="Revoke this activation key?"
          verb="Revoke"
          dangerous
          running={revoke.running}
          problem={revoke.problem}
          onConfirm={() => void revoke.run(revoking)}
          onClose={() => setRevoking(undefined)}
        >
          <Text size="md">No further agent enrols with it. The agents that already have stay as they are.</Text>
        </Confirm>
      )}
    </>
  );
}
