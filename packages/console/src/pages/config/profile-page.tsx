import { Button, Stack, Text } from "@mantine/core";
import { IconTrash } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useNavigate, useParams } from "@tanstack/react-router";
import { useState } from "react";
import { api, read } from "../../api/client.ts";
import { useMay } from "../../api/session.ts";
import { useAction } from "../../api/use-action.ts";
import { useTenantName } from "../../app/tenant.ts";
import { Confirm } from "../../shared/confirm.tsx";
import { Panel } from "../../shared/facts.tsx";
import { PageHeader } from "../../shared/page-header.tsx";
import { ErrorState, LoadingState } from "../../shared/states.tsx";
import { profilePage, profilesPage } from "./pages.ts";
import { ProfileForm } from "./profile-form.tsx";
import { ProfileVersions } from "./profile-versions.tsx";
import { Switched } from "./profiles-page.tsx";

/** One profile: its settings, and the states it was in. */
export function ProfilePage() {
  const { profileId = "" } = useParams({ strict: false });
  const may = useMay();
  const navigate = useNavigate();
  const tenantName = useTenantName();
  const [deleting, setDeleting] = useState(false);
  const query = useQuery({
    queryKey: ["profile", profileId],
    queryFn: () => read(api.GET("/api/v1/profiles/{id}", { params: { path: { id: profileId } } })),
  });
  const remove = useAction(() => api.DELETE("/api/v1/profiles/{id}", { params: { path: { id: profileId } } }), {
    changes: [["profiles"]],
    done: "The profile is deleted.",
    onDone: () => void navigate({ to: profilesPage.path }),
  });
  const profile = query.data;
  if (profile === undefined) {
    return query.isError ? (
      <ErrorState error={query.error} retry={() => void query.refetch()} order={1} />
    ) : (
      <LoadingState />
    );
  }
  const mayManage = may("profile.manage", profile.tenantId);
  return (
    <>
      <PageHeader
        page={profilePage}
        name={profile.name}
        after={<Switched on={profile.serviceProtection.on} />}
        actions={
          mayManage &&
          !profile.isDefault && (
            <Button
              variant="default"
              leftSection={<IconTrash size={16} aria-hidden />}
              onClick={() => setDeleting(true)}
            >
              Delete
            </Button>
          )
        }
      >
        A profile of {tenantName(profile.tenantId)}
        {profile.isDefault && ", for agents that no intent fits; it cannot be deleted or renamed"}.
      </PageHeader>
      <Stack gap="md">
        <Panel title="Settings">
          {/* A change by somebody else begins the form anew only when nothing was typed: see there. */}
          <ProfileForm profile={profile} readOnly={!mayManage} />
        </Panel>
        <Panel title="Versions">
          <ProfileVersions profile={profile} mayManage={mayManage} />
        </Panel>
      </Stack>
      {deleting && (
        <Confirm
          title={`Delete ${profile.name}?`}
          verb="Delete"
          dangerous
          running={remove.running}
          problem={remove.problem}
          onConfirm={() => void remove.run()}
          onClose={() => setDeleting(false)}
        >
          <Text size="md">Only a profile that no agent has and no intent gives can be deleted.</Text>
        </Confirm>
      )}
    </>
  );
}
