import { Button } from "@mantine/core";
import { IconPlus, IconShieldCheck, IconShieldOff } from "@tabler/icons-react";
import { Link, useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { api, read } from "../../api/client.ts";
import { useMay } from "../../api/session.ts";
import type { Item } from "../../api/types.ts";
import { useTenantId, useTenantName } from "../../app/tenant.ts";
import { Badge } from "../../shared/badges.tsx";
import type { Column } from "../../shared/list/column.ts";
import { DataTable } from "../../shared/list/data-table.tsx";
import { firstPage, useList } from "../../shared/list/use-list.ts";
import { PageHeader } from "../../shared/page-header.tsx";
import { RelativeTime } from "../../shared/relative-time.tsx";
import { useSearchState } from "../../shared/search-state.ts";
import { EmptyState } from "../../shared/states.tsx";
import { duration } from "../../shared/times.ts";
import { CreateProfileDialog } from "./create-profile-dialog.tsx";
import { profilePath, profilesPage } from "./pages.ts";

export type Profile = Item<"/api/v1/profiles">;

export function ProfilesPage() {
  const may = useMay();
  const navigate = useNavigate();
  const tenantId = useTenantId();
  const tenantName = useTenantName();
  const [search] = useSearchState();
  const [creating, setCreating] = useState(false);
  const list = useList({
    name: "profiles",
    filters: { ...search, ...firstPage, tenantId },
    sortFields: ["name"],
    defaultSort: "name",
    load: (request) =>
      read(
        api.GET("/api/v1/profiles", {
          params: { query: { ...request, ...(tenantId !== undefined && { tenantId }) } },
        }),
      ),
  });
  const columns: readonly Column<Profile>[] = [
    {
      id: "name",
      header: "Name",
      sort: "name",
      fixed: true,
      grows: true,
      width: "12rem",
      cell: ({ id, name }) => (
        <Link to={profilePath(id)} className="link">
          {name}
        </Link>
      ),
    },
    { id: "tenant", header: "Tenant", width: "11rem", cell: (profile) => tenantName(profile.tenantId) },
    {
      id: "protection",
      header: "Service protection",
      width: "11rem",
      cell: ({ serviceProtection }) => <Switched on={serviceProtection.on} />,
    },
    {
      id: "lift",
      header: "Longest lift",
      width: "8rem",
      cell: ({ serviceProtection }) => duration(serviceProtection.liftSeconds),
    },
    {
      id: "more",
      header: "Also",
      width: "13rem",
      cell: ({ serviceProtection: { requireChallenge, singleUse, services } }) =>
        [
          requireChallenge && "requires a challenge",
          singleUse && "single use",
          services.length > 0 && `guards ${services.join(", ")}`,
        ]
          .filter(Boolean)
          .join(", "),
    },
    {
      id: "changedAt",
      header: "Changed",
      width: "8rem",
      cell: ({ changedAt }) => <RelativeTime at={changedAt} focusable={false} />,
    },
  ];
  const create = may("profile.manage", tenantId) && (
    <Button leftSection={<IconPlus size={16} aria-hidden />} onClick={() => setCreating(true)}>
      Create a profile
    </Button>
  );
  return (
    <>
      <PageHeader page={profilesPage} actions={create}>
        Named settings, service protection among them. Agents get one by the agent config intents, and Default when none
        fits.
      </PageHeader>
      <DataTable
        label="Agent config profiles"
        list={list}
        columns={columns}
        rowId={({ id }) => id}
        rowName={({ name, tenantId: of }) => `${name} of ${tenantName(of)}`}
        empty={<EmptyState title="There is no profile">Every tenant has one: create a tenant first.</EmptyState>}
      />
      {creating && (
        <CreateProfileDialog
          onClose={() => setCreating(false)}
          onDone={({ id }) => void navigate({ to: profilePath(id) })}
        />
      )}
    </>
  );
}

/** Whether a profile has service protection on. */
export function Switched({ on }: { readonly on: boolean }) {
  return on ? (
    <Badge tone="good" icon={IconShieldCheck}>
      On
    </Badge>
  ) : (
    <Badge tone="mute" icon={IconShieldOff}>
      Off
    </Badge>
  );
}
