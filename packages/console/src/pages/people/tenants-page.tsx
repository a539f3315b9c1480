import { Button, Group, Menu } from "@mantine/core";
import { IconPencil, IconPlus, IconServer } from "@tabler/icons-react";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { api, read } from "../../api/client.ts";
import { useMay } from "../../api/session.ts";
import type { Tenant } from "../../api/types.ts";
import type { Column } from "../../shared/list/column.ts";
import { DataTable } from "../../shared/list/data-table.tsx";
import { SearchField } from "../../shared/list/search-field.tsx";
import { firstPage, useList } from "../../shared/list/use-list.ts";
import { PageHeader } from "../../shared/page-header.tsx";
import { RelativeTime } from "../../shared/relative-time.tsx";
import { useSearchState } from "../../shared/search-state.ts";
import { EmptyState } from "../../shared/states.tsx";
import { agentListPage } from "../agents/pages.ts";
import { tenantsPage } from "./pages.ts";
import { TenantDialog } from "./tenant-dialog.tsx";

const columns: readonly Column<Tenant>[] = [
  { id: "name", header: "Name", sort: "name", fixed: true, grows: true, width: "12rem", cell: ({ name }) => name },
  {
    id: "createdAt",
    header: "Created",
    sort: "createdAt",
    width: "9rem",
    cell: ({ createdAt }) => <RelativeTime at={createdAt} focusable={false} />,
  },
  { id: "id", header: "Id", width: "21rem", cell: ({ id }) => <span className="number">{id}</span> },
];

export function TenantsPage() {
  const may = useMay();
  const navigate = useNavigate();
  const [search] = useSearchState();
  const q = search["q"];
  // The tenant to be renamed; null: a new one.
  const [editing, setEditing] = useState<Tenant | null>();
  const list = useList({
    name: "tenants",
    filters: { ...search, ...firstPage },
    sortFields: ["name", "createdAt"],
    defaultSort: "name",
    load: (request) =>
      read(api.GET("/api/v1/tenants", { params: { query: { ...request, ...(q !== undefined && { q }) } } })),
  });
  const mayManage = may.everywhere("tenant.manage");
  const create = mayManage && (
    <Button leftSection={<IconPlus size={16} aria-hidden />} onClick={() => setEditing(null)}>
      Create a tenant
    </Button>
  );
  return (
    <>
      <PageHeader page={tenantsPage} actions={create}>
        Customers or divisions, wholly apart: agents, profiles and activation keys belong to one of them.
      </PageHeader>
      <Group mb="sm">
        <SearchField label="Search tenants" placeholder="Part of the name" />
      </Group>
      <DataTable
        label="Tenants"
        list={list}
        columns={columns}
        rowId={({ id }) => id}
        rowName={({ name }) => name}
        rowMenu={(tenant) => (
          <>
            <Menu.Item
              leftSection={<IconServer size={16} aria-hidden />}
              onClick={() => void navigate({ to: agentListPage.path, search: { tenant: tenant.id } })}
            >
              Its agents
            </Menu.Item>
            {mayManage && (
              <Menu.Item leftSection={<IconPencil size={16} aria-hidden />} onClick={() => setEditing(tenant)}>
                Rename
              </Menu.Item>
            )}
          </>
        )}
        empty={
          q === undefined ? (
            <EmptyState title="There is no tenant yet" action={create}>
              Agents enrol into a tenant: create the first one.
            </EmptyState>
          ) : (
            <EmptyState title="No tenant is called like that">Part of a name is enough.</EmptyState>
          )
        }
      />
      {editing !== undefined && <TenantDialog tenant={editing} onClose={() => setEditing(undefined)} />}
    </>
  );
}
