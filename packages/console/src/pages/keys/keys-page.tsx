import { Button, Group, Menu } from "@mantine/core";
import { IconAlertTriangle, IconRefresh, IconTrash, IconUsersGroup } from "@tabler/icons-react";
import { useState } from "react";
import { api, read } from "../../api/client.ts";
import { useMay } from "../../api/session.ts";
import { Badge } from "../../shared/badges.tsx";
import type { Column } from "../../shared/list/column.ts";
import { DataTable } from "../../shared/list/data-table.tsx";
import { FilterSelect } from "../../shared/list/filter-select.tsx";
import { firstPage, useList } from "../../shared/list/use-list.ts";
import { PageHeader } from "../../shared/page-header.tsx";
import { RelativeTime } from "../../shared/relative-time.tsx";
import { useSearchState } from "../../shared/search-state.ts";
import { EmptyState } from "../../shared/states.tsx";
import { KeyChange, type KeyChangeKind } from "./key-change.tsx";
import { KeyReachDialog } from "./key-reach-dialog.tsx";
import { type Key, keyStateWords, keyUseNames } from "./key-words.ts";
import { keysPage } from "./pages.ts";
import { Roots } from "./roots.tsx";

const uses = ["token", "config", "audit", "root"] as const;
const states = ["active", "retiring", "retired", "compromised"] as const;

const columns: readonly Column<Key>[] = [
  { id: "use", header: "Signs", fixed: true, width: "11rem", cell: ({ use }) => keyUseNames[use] },
  {
    id: "kid",
    header: "Id",
    grows: true,
    width: "14rem",
    cell: ({ kid }) => <code>{kid}</code>,
  },
  {
    id: "state",
    header: "State",
    width: "9rem",
    cell: ({ state, destroyedAt }) => {
      const { word, tone, means } = keyStateWords[state];
      return (
        <>
          <Badge tone={tone} hint={means}>
            {word}
          </Badge>
          {destroyedAt !== null && " destroyed"}
        </>
      );
    },
  },
  {
    id: "createdAt",
    header: "Created",
    sort: "createdAt",
    width: "9rem",
    cell: ({ createdAt }) => <RelativeTime at={createdAt} focusable={false} />,
  },
  {
    id: "stateChangedAt",
    header: "In this state since",
    width: "11rem",
    cell: ({ stateChangedAt }) => <RelativeTime at={stateChangedAt} focusable={false} />,
  },
];

type Doing = { readonly what: KeyChangeKind | "reach"; readonly key: Key };

export function KeysPage() {
  const may = useMay();
  const [search] = useSearchState();
  const [rotating, setRotating] = useState<"token" | "config">();
  const [doing, setDoing] = useState<Doing>();
  const use = uses.find((one) => one === search["use"]);
  const state = states.find((one) => one === search["state"]);
  const list = useList({
    name: "keys",
    filters: { ...search, ...firstPage },
    sortFields: ["createdAt"],
    defaultSort: "-createdAt",
    load: (request) =>
      read(
        api.GET("/api/v1/keys", {
          params: { query: { ...request, ...(use !== undefined && { use }), ...(state !== undefined && { state }) } },
        }),
      ),
  });
  const mayManage = may.everywhere("key.manage");
  return (
    <>
      <PageHeader
        page={keysPage}
        actions={
          mayManage && (
            <Menu width={240}>
              <Menu.Target>
                <Button variant="default" leftSection={<IconRefresh size={16} aria-hidden />}>
                  Rotate
                </Button>
              </Menu.Target>
              <Menu.Dropdown>
                <Menu.Item onClick={() => setRotating("token")}>The key that signs agent tokens</Menu.Item>
                <Menu.Item onClick={() => setRotating("config")}>The key that signs configs and answers</Menu.Item>
              </Menu.Dropdown>
            </Menu>
          )
        }
      >
        What the cluster signs with. Agents learn of new keys by the trust bundle, which a root signs.
      </PageHeader>
      <Roots />
      <Group gap="xs" mb="sm">
        <FilterSelect name="use" label="Signs" options={uses.map((value) => ({ value, label: keyUseNames[value] }))} />
        <FilterSelect
          name="state"
          label="State"
          options={states.map((value) => ({ value, label: keyStateWords[value].word }))}
        />
      </Group>
      <DataTable
        label="Keys"
        list={list}
        columns={columns}
        rowId={({ kid }) => kid}
        rowName={({ use: signs, kid }) => `${keyUseNames[signs]} key ${kid.slice(0, 8)}`}
        rowMenu={(key) => (
          <>
            <Menu.Item
              leftSection={<IconUsersGroup size={16} aria-hidden />}
              onClick={() => setDoing({ what: "reach", key })}
            >
              Which agents hold it
            </Menu.Item>
            {mayManage && key.state !== "compromised" && (key.use === "token" || key.use === "config") && (
              <Menu.Item
                color="red"
                leftSection={<IconAlertTriangle size={16} aria-hidden />}
                onClick={() => setDoing({ what: "compromise", key })}
              >
                Mark as compromised
              </Menu.Item>
            )}
            {mayManage && key.destroyedAt === null && (key.state === "retired" || key.state === "compromised") && (
              <Menu.Item
                color="red"
                leftSection={<IconTrash size={16} aria-hidden />}
                onClick={() => setDoing({ what: "destroy", key })}
              >
                Destroy the private half
              </Menu.Item>
            )}
          </>
        )}
        empty={
          <EmptyState title="No key fits these filters">A cluster has its first keys from its first start.</EmptyState>
        }
      />
      {rotating && <KeyChange what="rotate" use={rotating} onClose={() => setRotating(undefined)} />}
      {doing?.what === "reach" && <KeyReachDialog keyOf={doing.key} onClose={() => setDoing(undefined)} />}
      {doing && doing.what !== "reach" && (
        <KeyChange what={doing.what} use={doing.key.use} keyOf={doing.key} onClose={() => setDoing(undefined)} />
      )}
    </>
  );
}
