import { ActionIcon, Button, Group, Menu, SegmentedControl } from "@mantine/core";
import { IconDotsVertical, IconDownload, IconFilterOff, IconKey, IconShieldCheck } from "@tabler/icons-react";
import { lazy, Suspense, useState } from "react";
import { api, read } from "../../api/client.ts";
import { useMay } from "../../api/session.ts";
import { useAction } from "../../api/use-action.ts";
import { useTenantId } from "../../app/tenant.ts";
import { download } from "../../shared/download.ts";
import { ColumnChooser } from "../../shared/list/column-chooser.tsx";
import { DataTable } from "../../shared/list/data-table.tsx";
import { SavedViews, type View } from "../../shared/list/saved-views.tsx";
import { SearchField } from "../../shared/list/search-field.tsx";
import { type ColumnChoice, useColumns } from "../../shared/list/use-columns.ts";
import { firstPage, useList } from "../../shared/list/use-list.ts";
import { useSelection } from "../../shared/list/use-selection.ts";
import { PageHeader } from "../../shared/page-header.tsx";
import { type Search, useSearchState } from "../../shared/search-state.ts";
import { EmptyState, LoadingState } from "../../shared/states.tsx";
import { agentColumns, cutOffColumns, gapColumns } from "./agent-columns.tsx";
import { AgentDeeds, type Asked } from "./agent-deeds.tsx";
import { agentQueryOf, isFiltered, noFilters, viewMembers } from "./agent-filters.ts";
import { AgentMenu } from "./agent-menu.tsx";
import { FacetBars } from "./facet-bars.tsx";
import type { FirstStep } from "./first-run.tsx";
import { MoreFilters } from "./more-filters.tsx";
import { agentListPage } from "./pages.ts";
import { SelectionBar } from "./selection-bar.tsx";
import { useFacets } from "./use-facets.ts";
import { useFirstArrival } from "./use-first-arrival.ts";

const FirstRun = lazy(async () => ({ default: (await import("./first-run.tsx")).FirstRun }));
const FirstRunDialog = lazy(async () => ({ default: (await import("./first-run-dialog.tsx")).FirstRunDialog }));

const sortFields = ["hostName", "enrolledAt", "platform", "version", "protection", "profile"] as const;

const readyViews: readonly View[] = [
  { name: "All agents", search: {} },
  { name: "Protection gaps", search: { view: "protection_gaps" } },
  { name: "Cut off", search: { view: "cut_off" } },
];

/** Each view has columns of its own: what is wrong, and since when. */
function useColumnsOf(): (search: Search) => ColumnChoice {
  const all = useColumns("agents", agentColumns);
  const gaps = useColumns("agents:protection_gaps", agentColumns, gapColumns);
  const cutOff = useColumns("agents:cut_off", agentColumns, cutOffColumns);
  return ({ view }) => (view === "protection_gaps" ? gaps : view === "cut_off" ? cutOff : all);
}

export function AgentListPage() {
  const may = useMay();
  const tenantId = useTenantId();
  const [search, setSearch] = useSearchState();
  const choiceOf = useColumnsOf();
  const choice = choiceOf(search);
  const selection = useSelection();
  const query = agentQueryOf(search, tenantId);
  const facets = useFacets(query);
  const list = useList({
    name: "agents",
    filters: { ...search, ...firstPage, tenantId },
    sortFields,
    defaultSort: "hostName",
    load: (request) => read(api.GET("/api/v1/agents", { params: { query: { ...query, ...request } } })),
  });
  const [asked, setAsked] = useState<Asked>();
  const [step, setStep] = useState<FirstStep>();
  const filtered = isFiltered(search);
  const settled = filtered || list.query.isPlaceholderData ? undefined : list.query.data?.items;
  useFirstArrival(tenantId ?? "", settled);
  const csv = useAction(() => download(`/api/v1/agents${csvSearch(query)}`, "agents.csv", "text/csv"), {
    done: (name) => `${name} was saved.`,
  });
  const mayToken = may.token("tenant", tenantId);

  return (
    <>
      <PageHeader
        page={agentListPage}
        actions={
          <>
            <SavedViews list="agents" ready={readyViews} members={viewMembers} choiceOf={choiceOf} />
            <ColumnChooser columns={agentColumns} choice={choice} />
            <Menu width={220}>
              <Menu.Target>
                <ActionIcon variant="default" size={34} aria-label="Menu of the Agent List" data-hint="Menu">
                  <IconDotsVertical size={18} aria-hidden />
                </ActionIcon>
              </Menu.Target>
              <Menu.Dropdown>
                {mayToken && (
                  <Menu.Item
                    leftSection={<IconKey size={16} aria-hidden />}
                    onClick={() => setAsked({ deed: "token", agent: null })}
                  >
                    Agent Token
                  </Menu.Item>
                )}
                <Menu.Item
                  leftSection={<IconDownload size={16} aria-hidden />}
                  onClick={() => void csv.run()}
                  disabled={csv.running}
                >
                  Download these as CSV
                </Menu.Item>
              </Menu.Dropdown>
            </Menu>
          </>
        }
      />
      <FacetBars facets={facets} />
      <Group gap="xs" mb="sm">
        <SegmentedControl
          aria-label="View"
          value={search["view"] ?? ""}
          onChange={(view) => setSearch({ ...firstPage, view: view || undefined })}
          data={[
            { value: "", label: "All" },
            {
              value: "protection_gaps",
              label: <Counted word="Protection gaps" of={facets?.view} value="protection_gaps" />,
            },
            { value: "cut_off", label: <Counted word="Cut off" of={facets?.view} value="cut_off" /> },
          ]}
        />
        <SearchField label="Search agents" placeholder="Host name, address, label or id" />
        <MoreFilters facets={facets} />
        {filtered && (
          <Button
            variant="subtle"
            leftSection={<IconFilterOff size={16} aria-hidden />}
            onClick={() => setSearch({ ...noFilters, ...firstPage })}
          >
            Clear filters
          </Button>
        )}
      </Group>
      <SelectionBar selection={selection} query={query} total={facets?.total} />
      <DataTable
        label="Agents"
        list={list}
        {...(facets && { total: facets.total })}
        columns={agentColumns}
        choice={choice}
        {...(may("agent.manage") && { selection })}
        rowId={({ id }) => id}
        rowName={({ hostName }) => hostName}
        rowMenu={(agent) => <AgentMenu agent={agent} onDeed={(deed) => setAsked({ deed, agent })} />}
        empty={
          filtered ? (
            <NoneFits view={search["view"]} onClear={() => setSearch({ ...noFilters, ...firstPage })} />
          ) : (
            <Suspense fallback={<LoadingState />}>
              <FirstRun tenantId={tenantId} onStep={setStep} />
            </Suspense>
          )
        }
      />
      <AgentDeeds asked={asked} onClose={() => setAsked(undefined)} />
      {step !== undefined && (
        <Suspense fallback={null}>
          <FirstRunDialog step={step} onClose={() => setStep(undefined)} />
        </Suspense>
      )}
    </>
  );
}

function Counted({
  word,
  of,
  value,
}: {
  readonly word: string;
  readonly of: readonly { readonly value: string; readonly count: number }[] | undefined;
  readonly value: string;
}) {
  const found = of?.find((one) => one.value === value)?.count;
  return (
    <>
      {word}
      {found !== undefined && found > 0 && <span className="number"> {found.toLocaleString("en")}</span>}
    </>
  );
}

const nothingInView: Readonly<Record<string, readonly [title: string, words: string]>> = {
  protection_gaps: ["No protection gap", "Every agent here has the protection that its profile wants."],
  cut_off: ["No agent is cut off", "Every protected agent here checks in as it should."],
};

function NoneFits({ view, onClear }: { readonly view: string | undefined; readonly onClear: () => void }) {
  const [title, words] = nothingInView[view ?? ""] ?? ["No agent fits these filters", undefined];
  return (
    <EmptyState
      icon={view === undefined ? IconFilterOff : IconShieldCheck}
      title={title}
      action={
        <Button variant="default" onClick={onClear} mt={4}>
          {view === undefined ? "Clear filters" : "Show all agents"}
        </Button>
      }
    >
      {words}
    </EmptyState>
  );
}

function csvSearch(query: object): string {
  const parameters = new URLSearchParams({ format: "csv" });
  for (const [name, value] of Object.entries(query)) {
    for (const one of [value].flat()) parameters.append(name, String(one));
  }
  return `?${parameters.toString()}`;
}
