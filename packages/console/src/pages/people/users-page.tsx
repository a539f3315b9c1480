import { Button, Group, Menu } from "@mantine/core";
import { IconDoorExit, IconKey, IconLock, IconLockOpen, IconPlus, IconTrash, IconUserCog } from "@tabler/icons-react";
import { useState } from "react";
import { api, read } from "../../api/client.ts";
import { useMay, useSession } from "../../api/session.ts";
import { useTenantName } from "../../app/tenant.ts";
import { Badge } from "../../shared/badges.tsx";
import type { Column } from "../../shared/list/column.ts";
import { DataTable } from "../../shared/list/data-table.tsx";
import { SearchField } from "../../shared/list/search-field.tsx";
import { firstPage, useList } from "../../shared/list/use-list.ts";
import { PageHeader } from "../../shared/page-header.tsx";
import { RelativeTime } from "../../shared/relative-time.tsx";
import { useSearchState } from "../../shared/search-state.ts";
import { EmptyState } from "../../shared/states.tsx";
import { roleNames } from "../../shared/words.ts";
import { CreateUserDialog } from "./create-user-dialog.tsx";
import { usersPage } from "./pages.ts";
import { PasswordDialog } from "./password-dialog.tsx";
import type { User } from "./user.ts";
import { UserAction, type UserActionKind } from "./user-action.tsx";
import { UserRolesDialog } from "./user-roles-dialog.tsx";

type Doing = { readonly user: User; readonly what: "roles" | "password" | UserActionKind };

export function UsersPage() {
  const may = useMay();
  const { userId } = useSession();
  const tenantName = useTenantName();
  const [search] = useSearchState();
  const q = search["q"];
  const [creating, setCreating] = useState(false);
  const [doing, setDoing] = useState<Doing>();
  const list = useList({
    name: "users",
    filters: { ...search, ...firstPage },
    sortFields: ["name", "createdAt"],
    defaultSort: "name",
    load: (request) =>
      read(api.GET("/api/v1/users", { params: { query: { ...request, ...(q !== undefined && { q }) } } })),
  });
  const columns: readonly Column<User>[] = [
    {
      id: "name",
      header: "Name",
      sort: "name",
      fixed: true,
      width: "14rem",
      cell: ({ id, name }) => (id === userId ? `${name} (you)` : name),
    },
    {
      id: "roles",
      header: "Roles",
      grows: true,
      width: "16rem",
      cell: ({ roles }) =>
        roles
          .map(({ role, tenantId }) => roleNames[role] + (tenantId === null ? "" : ` of ${tenantName(tenantId)}`))
          .join(", ") || "None",
    },
    {
      id: "loginBy",
      header: "Logs in by",
      width: "10rem",
      cell: ({ loginBy }) => (loginBy === "provider" ? "Identity provider" : "Password"),
    },
    {
      id: "state",
      header: "State",
      width: "9.5rem",
      cell: ({ disabled }) =>
        disabled ? (
          <Badge tone="warn" icon={IconLock} hint="This user cannot log in.">
            Locked out
          </Badge>
        ) : (
          "Open"
        ),
    },
    {
      id: "createdAt",
      header: "Created",
      sort: "createdAt",
      width: "8rem",
      cell: ({ createdAt }) => <RelativeTime at={createdAt} focusable={false} />,
    },
  ];
  const mayManage = may("user.manage");
  const create = mayManage && (
    <Button leftSection={<IconPlus size={16} aria-hidden />} onClick={() => setCreating(true)}>
      Create a user
    </Button>
  );
  const close = () => setDoing(undefined);
  return (
    <>
      <PageHeader page={usersPage} actions={create}>
        Who may do what, and where. Nobody can grant a role that generates agent tokens which they may not generate
        themselves.
      </PageHeader>
      <Group mb="sm">
        <SearchField label="Search users" placeholder="Part of the name" />
      </Group>
      <DataTable
        label="Users"
        list={list}
        columns={columns}
        rowId={({ id }) => id}
        rowName={({ name }) => name}
        {...(mayManage && {
          rowMenu: (user: User) => <UserMenuItems user={user} onChoose={(what) => setDoing({ user, what })} />,
        })}
        empty={
          <EmptyState title={q === undefined ? "There is no user within your reach" : "No user is called like that"}>
            Part of a name is enough to search.
          </EmptyState>
        }
      />
      {creating && <CreateUserDialog onClose={() => setCreating(false)} />}
      {doing?.what === "roles" && <UserRolesDialog userId={doing.user.id} onClose={close} />}
      {doing?.what === "password" && <PasswordDialog user={doing.user} onClose={close} />}
      {doing && doing.what !== "roles" && doing.what !== "password" && (
        <UserAction user={doing.user} what={doing.what} onClose={close} />
      )}
    </>
  );
}

function UserMenuItems({ user, onChoose }: { readonly user: User; readonly onChoose: (what: Doing["what"]) => void }) {
  const item = (what: Doing["what"], IconOf: typeof IconKey, words: string, color?: string) => (
    <Menu.Item leftSection={<IconOf size={16} aria-hidden />} onClick={() => onChoose(what)} {...(color && { color })}>
      {words}
    </Menu.Item>
  );
  return (
    <>
      {item("roles", IconUserCog, "Roles")}
      {user.loginBy === "password" && item("password", IconKey, "Set a password")}
      {item("end_sessions", IconDoorExit, "End all sessions")}
      {user.disabled ? item("unlock", IconLockOpen, "Let in again") : item("lock", IconLock, "Lock out")}
      {item("delete", IconTrash, "Delete", "red")}
    </>
  );
}
