import { Group, Menu, SegmentedControl } from "@mantine/core";
import { IconAlertTriangle, IconCircleCheck, IconEye, IconInfoCircle, IconUrgent } from "@tabler/icons-react";
import { Link, useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { api, read } from "../../api/client.ts";
import { useMay } from "../../api/session.ts";
import type { Item } from "../../api/types.ts";
import { useTenantId } from "../../app/tenant.ts";
import { Badge } from "../../shared/badges.tsx";
import type { Column } from "../../shared/list/column.ts";
import { DataTable } from "../../shared/list/data-table.tsx";
import { FilterSelect } from "../../shared/list/filter-select.tsx";
import { firstPage, useList } from "../../shared/list/use-list.ts";
import { PageHeader } from "../../shared/page-header.tsx";
import { RelativeTime } from "../../shared/relative-time.tsx";
import { useSearchState } from "../../shared/search-state.ts";
import { EmptyState } from "../../shared/states.tsx";
import { agentPath } from "../agents/pages.ts";
import { AlarmDialog } from "./alarm-dialog.tsx";
import { alarmKindNames, alarmStateNames } from "./alarm-words.ts";
import { alarmsPage } from "./pages.ts";

export type Alarm = Item<"/api/v1/alarms">;

const states = ["open", "acknowledged", "resolved"] as const;
const severities = ["problem", "warning"] as const;
const everyState = "all" as const;

export function AlarmsPage() {
  const may = useMay();
  const navigate = useNavigate();
  const tenantId = useTenantId();
  const [search, setSearch] = useSearchState();
  const [opened, setOpened] = useState<Alarm>();
  const state = search["state"] ?? "open";
  const query = {
    ...(tenantId !== undefined && { tenantId }),
    ...oneOf("kind", Object.keys(alarmKindNames) as Alarm["kind"][], search["kind"]),
    ...oneOf("severity", severities, search["severity"]),
    ...oneOf("state", states, state),
  };
  const list = useList({
    name: "alarms",
    filters: { ...search, ...firstPage, tenantId },
    sortFields: ["raisedAt", "lastAt"],
    defaultSort: "-raisedAt",
    load: (request) => read(api.GET("/api/v1/alarms", { params: { query: { ...query, ...request } } })),
  });
  return (
    <>
      <PageHeader page={alarmsPage}>
        What somebody should look at. An alarm about something that goes on resolves by itself when it ends.
      </PageHeader>
      <Group gap="xs" mb="sm">
        <SegmentedControl
          aria-label="State"
          value={state}
          onChange={(value) => setSearch({ ...firstPage, state: value === "open" ? undefined : value })}
          data={([...states, everyState] as const).map((value) => ({ value, label: alarmStateNames[value] }))}
        />
        <FilterSelect
          name="severity"
          label="Severity"
          options={[
            { value: "problem", label: "Problems" },
            { value: "warning", label: "Warnings" },
          ]}
        />
        <FilterSelect
          name="kind"
          label="Kind"
          options={Object.entries(alarmKindNames).map(([value, label]) => ({ value, label }))}
        />
      </Group>
      <DataTable
        label="Alarms"
        list={list}
        columns={columns}
        rowId={({ id }) => id}
        rowName={({ title, agent }) => (agent ? `${title}: ${agent.hostName}` : title)}
        rowMenu={(alarm) => (
          <>
            <Menu.Item leftSection={<IconInfoCircle size={16} aria-hidden />} onClick={() => setOpened(alarm)}>
              {alarm.state === "open" && may("alarm.acknowledge") ? "Look at it, acknowledge" : "Look at it"}
            </Menu.Item>
            {alarm.agent && (
              <Menu.Item
                leftSection={<IconEye size={16} aria-hidden />}
                onClick={() => void navigate({ to: agentPath(alarm.agent?.id ?? "") })}
              >
                Agent Details
              </Menu.Item>
            )}
          </>
        )}
        empty={
          <EmptyState
            icon={IconCircleCheck}
            title={state === "open" ? "Nothing to look at" : "No alarm fits these filters"}
          >
            Silent agents, changes behind the cluster's back and tokens that nobody issued show here.
          </EmptyState>
        }
      />
      {opened && <AlarmDialog alarm={opened} onClose={() => setOpened(undefined)} />}
    </>
  );
}

const columns: readonly Column<Alarm>[] = [
  {
    id: "title",
    header: "What",
    fixed: true,
    grows: true,
    width: "13rem",
    cell: ({ kind, title }) => <span data-hint={title}>{alarmKindNames[kind]}</span>,
  },
  {
    id: "severity",
    header: "Severity",
    width: "8rem",
    cell: ({ severity }) => <Severity of={severity} />,
  },
  {
    id: "agent",
    header: "Agent",
    width: "10rem",
    cell: ({ agent }) =>
      agent && (
        <Link to={agentPath(agent.id)} className="link">
          {agent.hostName}
        </Link>
      ),
  },
  { id: "tenant", header: "Tenant", width: "9rem", cell: ({ tenant }) => tenant?.name ?? "The cluster" },
  { id: "state", header: "State", width: "8.5rem", cell: ({ state }) => alarmStateNames[state] },
  {
    id: "count",
    header: "Times",
    width: "5rem",
    align: "end",
    cell: ({ count }) => <span className="number">{count.toLocaleString("en")}</span>,
  },
  {
    id: "raisedAt",
    header: "Since",
    sort: "raisedAt",
    width: "8rem",
    cell: ({ raisedAt }) => <RelativeTime at={raisedAt} focusable={false} />,
  },
  {
    id: "lastAt",
    header: "Last",
    sort: "lastAt",
    width: "8rem",
    cell: ({ lastAt }) => <RelativeTime at={lastAt} focusable={false} />,
  },
];

export function Severity({ of }: { readonly of: Alarm["severity"] }) {
  return of === "problem" ? (
    <Badge tone="bad" icon={IconUrgent}>
      Problem
    </Badge>
  ) : (
    <Badge tone="warn" icon={IconAlertTriangle}>
      Warning
    </Badge>
  );
}

/** A filter of the address, when it is one of the words that the API knows. */
function oneOf<Name extends string, Value extends string>(
  name: Name,
  values: readonly Value[],
  given: string | undefined,
): { readonly [name in Name]?: Value } {
  const value = values.find((one) => one === given);
  return (value === undefined ? {} : { [name]: value }) as { readonly [name in Name]?: Value };
}
