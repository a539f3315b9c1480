import { Group, Menu } from "@mantine/core";
import { IconKey } from "@tabler/icons-react";
import { lazy, Suspense, useState } from "react";
import { api, read } from "../../api/client.ts";
import { useMay } from "../../api/session.ts";
import type { Item } from "../../api/types.ts";
import { useTenantId } from "../../app/tenant.ts";
import { Badge, ProtectionBadge } from "../../shared/badges.tsx";
import type { Column } from "../../shared/list/column.ts";
import { DataTable } from "../../shared/list/data-table.tsx";
import { SearchField } from "../../shared/list/search-field.tsx";
import { firstPage, useList } from "../../shared/list/use-list.ts";
import { PageHeader } from "../../shared/page-header.tsx";
import { PlatformIcon } from "../../shared/platform-icon.tsx";
import { RelativeTime } from "../../shared/relative-time.tsx";
import { useSearchState } from "../../shared/search-state.ts";
import { EmptyState } from "../../shared/states.tsx";
import classes from "./agents.module.css";
import { deletedAgentsPage } from "./pages.ts";

const TokenDialog = lazy(async () => ({ default: (await import("../tokens/token-dialog.tsx")).TokenDialog }));

type Tombstone = Item<"/api/v1/agents/tombstones">;

const columns: readonly Column<Tombstone>[] = [
  {
    id: "hostName",
    header: "Host name",
    sort: "hostName",
    fixed: true,
    grows: true,
    width: "min(12.5rem, 38vw)",
    cell: ({ hostName, platform }) => (
      <span className={classes["named"]}>
        <PlatformIcon platform={platform} />
        {hostName}
      </span>
    ),
  },
  {
    id: "protection",
    header: "Last protection",
    width: "11rem",
    cell: ({ protection, decommissioned }) =>
      decommissioned ? <Badge tone="mute">Decommissioned</Badge> : <ProtectionBadge protection={protection} />,
  },
  { id: "tenant", header: "Tenant", width: "11rem", cell: ({ tenant }) => tenant.name },
  {
    id: "seenAt",
    header: "Seen",
    width: "8rem",
    cell: ({ seenAt }) => <RelativeTime at={seenAt} focusable={false} />,
  },
  {
    id: "deletedAt",
    header: "Deleted",
    sort: "deletedAt",
    width: "8rem",
    cell: ({ deletedAt }) => <RelativeTime at={deletedAt} focusable={false} />,
  },
  { id: "deletedBy", header: "Deleted by", width: "9rem", cell: ({ deletedBy }) => deletedBy },
];

/** What stays of deleted agents: their protection goes on at the workload, and a token still lifts it. */
export function DeletedAgentsPage() {
  const may = useMay();
  const tenantId = useTenantId();
  const [search] = useSearchState();
  const q = search["q"];
  const [chosen, setChosen] = useState<Tombstone>();
  const list = useList({
    name: "agents",
    filters: { ...search, ...firstPage, tenantId, deleted: "yes" },
    sortFields: ["deletedAt", "hostName"],
    defaultSort: "-deletedAt",
    load: (request) =>
      read(
        api.GET("/api/v1/agents/tombstones", {
          params: {
            query: { ...request, ...(q !== undefined && { q }), ...(tenantId !== undefined && { tenantId }) },
          },
        }),
      ),
  });
  return (
    <>
      <PageHeader page={deletedAgentsPage}>
        Deleting an agent does not lift its protection: the workload may still have it. An agent token can be generated
        for it as before.
      </PageHeader>
      <Group mb="sm">
        <SearchField label="Search deleted agents" placeholder="Part of the host name" />
      </Group>
      <DataTable
        label="Deleted agents"
        list={list}
        columns={columns}
        rowId={({ id }) => id}
        rowName={({ hostName }) => hostName}
        {...(may.token("agent") && {
          // There is no page of its details: who may generate for single agents only finds the entry here.
          rowMenu: (tombstone: Tombstone) => (
            <Menu.Item
              leftSection={<IconKey size={16} aria-hidden />}
              disabled={tombstone.platform !== "windows" || !may.token("agent", tombstone.tenant.id)}
              onClick={() => setChosen(tombstone)}
            >
              Agent Token
            </Menu.Item>
          ),
        })}
        empty={
          q === undefined ? (
            <EmptyState title="No agent was deleted">What stays of a deleted agent is listed here.</EmptyState>
          ) : (
            <EmptyState title="No deleted agent is called like that">Part of the host name is enough.</EmptyState>
          )
        }
      />
      {chosen && (
        <Suspense fallback={null}>
          <TokenDialog agent={{ ...chosen, tenantId: chosen.tenant.id }} onClose={() => setChosen(undefined)} />
        </Suspense>
      )}
    </>
  );
}
