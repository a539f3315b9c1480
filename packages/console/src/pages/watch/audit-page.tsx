import { ActionIcon, Button, Group, Menu, SegmentedControl } from "@mantine/core";
import { IconDotsVertical, IconDownload, IconFilterOff, IconInfoCircle } from "@tabler/icons-react";
import { useState } from "react";
import { api, read } from "../../api/client.ts";
import type { Item } from "../../api/types.ts";
import { useAction } from "../../api/use-action.ts";
import { useTenantId, useTenantName } from "../../app/tenant.ts";
import { Badge } from "../../shared/badges.tsx";
import { download } from "../../shared/download.ts";
import type { Column } from "../../shared/list/column.ts";
import { DataTable } from "../../shared/list/data-table.tsx";
import { FilterSelect } from "../../shared/list/filter-select.tsx";
import { firstPage, useList } from "../../shared/list/use-list.ts";
import { PageHeader } from "../../shared/page-header.tsx";
import { RelativeTime } from "../../shared/relative-time.tsx";
import { stringifySearch, useSearchState } from "../../shared/search-state.ts";
import { EmptyState } from "../../shared/states.tsx";
import { AuditEntryDialog } from "./audit-entry-dialog.tsx";
import { AuditVerification } from "./audit-verification.tsx";
import { auditActions, outcomeNames } from "./audit-words.ts";
import { DateFilter } from "./date-filter.tsx";
import { auditPage } from "./pages.ts";

export type AuditEntry = Item<"/api/v1/audit">;

const noFilters = {
  action: undefined,
  outcome: undefined,
  whoId: undefined,
  targetId: undefined,
  since: undefined,
  until: undefined,
  of: undefined,
};

export function AuditPage() {
  const tenantId = useTenantId();
  const tenantName = useTenantName();
  const [search, setSearch] = useSearchState();
  const [opened, setOpened] = useState<AuditEntry>();
  const clusterOnly = search["of"] === "cluster";
  const outcome = (Object.keys(outcomeNames) as AuditEntry["outcome"][]).find((one) => one === search["outcome"]);
  const query = {
    ...(tenantId !== undefined && !clusterOnly && { tenantId }),
    ...(clusterOnly && { clusterOnly }),
    ...(outcome !== undefined && { outcome }),
    ...given("action", search["action"]),
    ...given("whoId", search["whoId"]),
    ...given("targetId", search["targetId"]),
    ...given("since", search["since"]),
    ...given("until", search["until"]),
  };
  const list = useList({
    name: "audit",
    filters: { ...search, ...firstPage, tenantId },
    sortFields: ["at"],
    defaultSort: "-at",
    load: (request) => read(api.GET("/api/v1/audit", { params: { query: { ...query, ...request } } })),
  });
  const save = useAction(
    (format: "csv" | "jsonl") => download(`/api/v1/audit${stringifySearch({ ...query, format })}`, `audit.${format}`),
    { done: (name) => `${name} was saved.` },
  );
  const isFiltered = Object.keys(noFilters).some((name) => search[name] !== undefined);
  const columns: readonly Column<AuditEntry>[] = [
    {
      id: "at",
      header: "When",
      sort: "at",
      fixed: true,
      width: "8rem",
      cell: ({ at }) => <RelativeTime at={at} focusable={false} />,
    },
    { id: "who", header: "Who", width: "10rem", cell: ({ who }) => who.name },
    { id: "action", header: "What", width: "13rem", cell: ({ action }) => action },
    {
      id: "outcome",
      header: "Outcome",
      width: "8rem",
      cell: ({ outcome: how }) => (how === "done" ? outcomeNames[how] : <Badge tone="bad">{outcomeNames[how]}</Badge>),
    },
    {
      id: "target",
      header: "On",
      width: "13rem",
      cell: ({ target }) => target && `${target.kind} ${target.name ?? target.id ?? ""}`,
    },
    {
      id: "tenant",
      header: "Tenant",
      width: "9rem",
      cell: (entry) => (entry.tenantId === null ? "The cluster" : tenantName(entry.tenantId)),
    },
    { id: "why", header: "Why", grows: true, width: "10rem", cell: ({ why }) => why },
  ];
  return (
    <>
      <PageHeader
        page={auditPage}
        actions={
          <Menu width={250}>
            <Menu.Target>
              <ActionIcon variant="default" size={34} aria-label="Menu of the audit log" data-hint="Menu">
                <IconDotsVertical size={18} aria-hidden />
              </ActionIcon>
            </Menu.Target>
            <Menu.Dropdown>
              <Menu.Item leftSection={<IconDownload size={16} aria-hidden />} onClick={() => void save.run("csv")}>
                Download these as CSV
              </Menu.Item>
              <Menu.Item leftSection={<IconDownload size={16} aria-hidden />} onClick={() => void save.run("jsonl")}>
                Download these as JSON lines
              </Menu.Item>
            </Menu.Dropdown>
          </Menu>
        }
      >
        Every change, and every agent token that was asked for, given or refused: who, when, from where and why.
      </PageHeader>
      <AuditVerification />
      <Group gap="xs" mb="sm">
        <SegmentedControl
          aria-label="Whose entries"
          value={clusterOnly ? "cluster" : "all"}
          onChange={(of) => setSearch({ ...firstPage, of: of === "cluster" ? of : undefined })}
          data={[
            { value: "all", label: "All" },
            { value: "cluster", label: "The cluster's own" },
          ]}
        />
        <FilterSelect name="action" label="Action" options={auditActions.map((value) => ({ value, label: value }))} />
        <FilterSelect
          name="outcome"
          label="Outcome"
          options={Object.entries(outcomeNames).map(([value, label]) => ({ value, label }))}
        />
        <DateFilter name="since" label="From" />
        <DateFilter name="until" label="Until" />
        {isFiltered && (
          <Button
            variant="subtle"
            leftSection={<IconFilterOff size={16} aria-hidden />}
            onClick={() => setSearch({ ...noFilters, ...firstPage })}
          >
            Clear filters
          </Button>
        )}
      </Group>
      <DataTable
        label="Audit log"
        list={list}
        columns={columns}
        rowId={({ id }) => id}
        rowName={({ action, who }) => `${action} by ${who.name}`}
        rowMenu={(entry) => (
          <>
            <Menu.Item leftSection={<IconInfoCircle size={16} aria-hidden />} onClick={() => setOpened(entry)}>
              The whole entry
            </Menu.Item>
            {entry.who.id !== null && (
              <Menu.Item onClick={() => setSearch({ ...firstPage, whoId: entry.who.id ?? undefined })}>
                Only by {entry.who.name}
              </Menu.Item>
            )}
            {entry.target?.id != null && (
              <Menu.Item onClick={() => setSearch({ ...firstPage, targetId: entry.target?.id ?? undefined })}>
                Only on this {entry.target.kind}
              </Menu.Item>
            )}
          </>
        )}
        empty={
          <EmptyState title="No entry fits these filters">Entries are kept as long as the retention says.</EmptyState>
        }
      />
      {opened && <AuditEntryDialog entry={opened} onClose={() => setOpened(undefined)} />}
    </>
  );
}

function given<Name extends string>(name: Name, value: string | undefined): { readonly [name in Name]?: string } {
  return (value === undefined ? {} : { [name]: value }) as { readonly [name in Name]?: string };
}
