import { Button, Menu, Text } from "@mantine/core";
import { IconPlus, IconTrash } from "@tabler/icons-react";
import { useState } from "react";
import { api, read } from "../../api/client.ts";
import type { Item } from "../../api/types.ts";
import { useAction } from "../../api/use-action.ts";
import { useTenantName } from "../../app/tenant.ts";
import { Confirm } from "../../shared/confirm.tsx";
import type { Column } from "../../shared/list/column.ts";
import { DataTable } from "../../shared/list/data-table.tsx";
import { useList } from "../../shared/list/use-list.ts";
import { PageHeader } from "../../shared/page-header.tsx";
import { RelativeTime } from "../../shared/relative-time.tsx";
import { EmptyState } from "../../shared/states.tsx";
import { roleNames } from "../../shared/words.ts";
import { CreateApiKeyDialog } from "./create-api-key-dialog.tsx";
import { apiKeysPage } from "./pages.ts";

type ApiKey = Item<"/api/v1/api-keys">;

export function ApiKeysPage() {
  const tenantName = useTenantName();
  const [creating, setCreating] = useState(false);
  const [ending, setEnding] = useState<ApiKey>();
  const list = useList({
    name: "api-keys",
    filters: {},
    sortFields: ["createdAt"],
    defaultSort: "createdAt",
    load: (request) => read(api.GET("/api/v1/api-keys", { params: { query: request } })),
  });
  const end = useAction(({ id }: ApiKey) => api.DELETE("/api/v1/api-keys/{id}", { params: { path: { id } } }), {
    changes: [["api-keys"]],
    done: (_, { name }) => `The API key ${name} has ended.`,
    onDone: () => setEnding(undefined),
  });
  const columns: readonly Column<ApiKey>[] = [
    { id: "name", header: "Name", fixed: true, width: "14rem", cell: ({ name }) => name },
    {
      id: "roles",
      header: "Roles",
      grows: true,
      width: "16rem",
      cell: ({ roles }) =>
        roles
          .map(({ role, tenantId }) => roleNames[role] + (tenantId === null ? "" : ` of ${tenantName(tenantId)}`))
          .join(", "),
    },
    {
      id: "usedAt",
      header: "Last used",
      width: "9rem",
      cell: ({ usedAt }) => (usedAt === null ? "Never" : <RelativeTime at={usedAt} focusable={false} />),
    },
    {
      id: "expiresAt",
      header: "Expires",
      width: "9rem",
      cell: ({ expiresAt }) => <RelativeTime at={expiresAt} focusable={false} />,
    },
    {
      id: "createdAt",
      header: "Created",
      sort: "createdAt",
      width: "9rem",
      cell: ({ createdAt }) => <RelativeTime at={createdAt} focusable={false} />,
    },
  ];
  const create = (
    <Button leftSection={<IconPlus size={16} aria-hidden />} onClick={() => setCreating(true)}>
      Create an API key
    </Button>
  );
  return (
    <>
      <PageHeader page={apiKeysPage} actions={create}>
        For programs that act in your name, with as few of your roles as they need.
      </PageHeader>
      <DataTable
        label="Your API keys"
        list={list}
        columns={columns}
        rowId={({ id }) => id}
        rowName={({ name }) => name}
        rowMenu={(key) => (
          <Menu.Item color="red" leftSection={<IconTrash size={16} aria-hidden />} onClick={() => setEnding(key)}>
            End this key
          </Menu.Item>
        )}
        empty={
          <EmptyState title="You have no API key" action={create}>
            A program sends it as <code>Authorization: Bearer pst_…</code>.
          </EmptyState>
        }
      />
      {creating && <CreateApiKeyDialog onClose={() => setCreating(false)} />}
      {ending && (
        <Confirm
          title={`End the API key ${ending.name}?`}
          verb="End this key"
          dangerous
          running={end.running}
          problem={end.problem}
          onConfirm={() => void end.run(ending)}
          onClose={() => setEnding(undefined)}
        >
          <Text size="md">Programs that use it are refused from their next request on.</Text>
        </Confirm>
      )}
    </>
  );
}
