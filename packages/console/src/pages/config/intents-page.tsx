import { Button, Group, Select } from "@mantine/core";
import { IconPlus, IconRoute } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, read } from "../../api/client.ts";
import { useMay } from "../../api/session.ts";
import { useTenantId, useTenants } from "../../app/tenant.ts";
import { PageHeader } from "../../shared/page-header.tsx";
import { useSearchState } from "../../shared/search-state.ts";
import { EmptyState, ErrorState, LoadingState } from "../../shared/states.tsx";
import { IntentDialog } from "./intent-dialog.tsx";
import { IntentList } from "./intent-list.tsx";
import { intentsPage } from "./pages.ts";
import { useIntents, useProfiles } from "./use-intents.ts";

/** The rules that give agents their profiles: one ordered list for each tenant. */
export function IntentsPage() {
  const may = useMay();
  const tenants = useTenants();
  const chosen = useTenantId();
  const [, setSearch] = useSearchState();
  const [creating, setCreating] = useState(false);
  const tenantId = chosen ?? (tenants.length === 1 ? tenants[0]?.id : undefined);
  const intents = useIntents(tenantId);
  const profiles = useProfiles(tenantId);
  const facets = useQuery({
    queryKey: ["agent-facets", "labels-of", tenantId],
    queryFn: () => read(api.GET("/api/v1/agents/facets", { params: { query: { tenantId: [tenantId ?? ""] } } })),
    enabled: tenantId !== undefined && may("agent.read", tenantId),
  });
  const labels = facets.data?.label.map(({ value }) => value) ?? [];
  const create = tenantId !== undefined && may("profile.manage", tenantId) && profiles.data && (
    <Button leftSection={<IconPlus size={16} aria-hidden />} onClick={() => setCreating(true)}>
      Create an intent
    </Button>
  );
  return (
    <>
      <PageHeader page={intentsPage} actions={create}>
        Which agents get which profile. They are held against an agent from the top; the first that fits wins, and
        Default is for the rest.
      </PageHeader>
      {tenantId === undefined ? (
        <EmptyState icon={IconRoute} title="Whose intents?">
          Each tenant has its own list.
          <Group justify="center" mt="sm">
            <Select
              aria-label="Tenant"
              placeholder="Choose a tenant"
              data={tenants.map(({ id, name }) => ({ value: id, label: name }))}
              value={null}
              onChange={(tenant) => tenant && setSearch({ tenant })}
              searchable={tenants.length > 8}
            />
          </Group>
        </EmptyState>
      ) : intents.data === undefined || profiles.data === undefined ? (
        intents.isError || profiles.isError ? (
          <ErrorState
            error={intents.error ?? profiles.error}
            retry={() => {
              void intents.refetch();
              void profiles.refetch();
            }}
          />
        ) : (
          <LoadingState />
        )
      ) : (
        <>
          {intents.data.items.length === 0 ? (
            <EmptyState icon={IconRoute} title="Every agent has the profile Default" action={create}>
              An intent gives agents another one, by platform, host name, label or address.
            </EmptyState>
          ) : (
            <IntentList
              key={tenantId}
              tenantId={tenantId}
              intents={intents.data.items}
              etag={intents.data.etag}
              profiles={profiles.data}
              labels={labels}
              mayManage={may("profile.manage", tenantId)}
            />
          )}
          {creating && (
            <IntentDialog
              tenantId={tenantId}
              intents={intents.data.items}
              profiles={profiles.data}
              labels={labels}
              onClose={() => setCreating(false)}
            />
          )}
        </>
      )}
    </>
  );
}
