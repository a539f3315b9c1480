import { Button, Menu } from "@mantine/core";
import { IconDoorExit, IconKey } from "@tabler/icons-react";
import { useState } from "react";
import { api, read } from "../../api/client.ts";
import { useSession } from "../../api/session.ts";
import type { Item } from "../../api/types.ts";
import { useAction } from "../../api/use-action.ts";
import { Badge } from "../../shared/badges.tsx";
import type { Column } from "../../shared/list/column.ts";
import { DataTable } from "../../shared/list/data-table.tsx";
import { useList } from "../../shared/list/use-list.ts";
import { PageHeader } from "../../shared/page-header.tsx";
import { RelativeTime } from "../../shared/relative-time.tsx";
import { EmptyState } from "../../shared/states.tsx";
import { OwnPasswordDialog } from "./own-password-dialog.tsx";
import { sessionsPage } from "./pages.ts";

type LogIn = Item<"/api/v1/sessions">;

const columns: readonly Column<LogIn>[] = [
  {
    id: "address",
    header: "From",
    fixed: true,
    grows: true,
    width: "15rem",
    cell: ({ address, current }) => (
      <>
        <span className="number">{address ?? "Unknown address"}</span>
        {current && (
          <>
            {" "}
            <Badge tone="info">This one</Badge>
          </>
        )}
      </>
    ),
  },
  {
    id: "createdAt",
    header: "Logged in",
    sort: "createdAt",
    width: "10rem",
    cell: ({ createdAt }) => <RelativeTime at={createdAt} focusable={false} />,
  },
  {
    id: "seenAt",
    header: "Last used",
    width: "10rem",
    cell: ({ seenAt }) => <RelativeTime at={seenAt} focusable={false} />,
  },
  {
    id: "endsAt",
    header: "Ends",
    width: "10rem",
    cell: ({ endsAt }) => <RelativeTime at={endsAt} focusable={false} />,
  },
];

export function SessionsPage() {
  const { loginBy } = useSession();
  const [changing, setChanging] = useState(false);
  const list = useList({
    name: "sessions",
    filters: {},
    sortFields: ["createdAt"],
    defaultSort: "-createdAt",
    load: (request) => read(api.GET("/api/v1/sessions", { params: { query: request } })),
  });
  const end = useAction((id: string) => api.DELETE("/api/v1/sessions/{id}", { params: { path: { id } } }), {
    changes: [["sessions"], ["session"]],
    done: "The session has ended.",
  });
  const endOthers = useAction(() => api.DELETE("/api/v1/sessions"), {
    changes: [["sessions"]],
    done: "All your other sessions have ended.",
  });
  return (
    <>
      <PageHeader
        page={sessionsPage}
        actions={
          <>
            {loginBy === "password" && (
              <Button
                variant="default"
                leftSection={<IconKey size={16} aria-hidden />}
                onClick={() => setChanging(true)}
              >
                Change your password
              </Button>
            )}
            <Button
              variant="default"
              leftSection={<IconDoorExit size={16} aria-hidden />}
              loading={endOthers.running}
              disabled={list.rows.length < 2}
              onClick={() => void endOthers.run()}
            >
              End the others
            </Button>
          </>
        }
      >
        Where you are logged in. A session ends after an hour without use, and after twelve hours in any case.
      </PageHeader>
      <DataTable
        label="Your sessions"
        list={list}
        columns={columns}
        rowId={({ id }) => id}
        rowName={({ address }) => `the session from ${address ?? "an unknown address"}`}
        rowMenu={({ id }) => (
          <Menu.Item leftSection={<IconDoorExit size={16} aria-hidden />} onClick={() => void end.run(id)}>
            End this session
          </Menu.Item>
        )}
        empty={<EmptyState title="There is no session">This is a log-in of a program, by its API key.</EmptyState>}
      />
      {changing && <OwnPasswordDialog onClose={() => setChanging(false)} />}
    </>
  );
}
