import { Group } from "@mantine/core";
import { IconDeviceDesktop } from "@tabler/icons-react";
import { useMemo } from "react";
import { api, read } from "../../api/client.ts";
import type { Query } from "../../api/types.ts";
import { useTenantId, useTenantName } from "../../app/tenant.ts";
import { ColumnChooser } from "../../shared/list/column-chooser.tsx";
import { DataTable } from "../../shared/list/data-table.tsx";
import { SearchField } from "../../shared/list/search-field.tsx";
import { useColumns } from "../../shared/list/use-columns.ts";
import { useList } from "../../shared/list/use-list.ts";
import { PageHeader } from "../../shared/page-header.tsx";
import { useSearchState } from "../../shared/search-state.ts";
import { EmptyState } from "../../shared/states.tsx";
import { agentColumns } from "./agent-columns.tsx";
import { agentListPage } from "./pages.ts";

export function AgentListPage() {
  const tenantId = useTenantId();
  const tenantName = useTenantName();
  const [search] = useSearchState();
  const columns = useMemo(() => agentColumns(tenantName), [tenantName]);
  const choice = useColumns("agents", columns);
  const filters = { q: search["q"], tenantId };
  const list = useList({
    name: "agents",
    filters,
    defaultSort: "hostName",
    load: (request) =>
      read(api.GET("/api/v1/agents", { params: { query: { ...filters, ...request } as Query<"/api/v1/agents"> } })),
  });
  return (
    <>
      <PageHeader page={agentListPage} />
      <Group gap="xs" mb="sm">
        <SearchField label="Search agents" placeholder="Host name or label" />
        <ColumnChooser columns={columns} choice={choice} />
      </Group>
      <DataTable
        label="Agents"
        list={list}
        columns={columns}
        choice={choice}
        rowId={({ id }) => id}
        rowName={({ hostName }) => hostName}
        empty={<EmptyState icon={IconDeviceDesktop} title="No agent here" />}
      />
    </>
  );
}
