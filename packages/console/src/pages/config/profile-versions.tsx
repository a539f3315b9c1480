import { Button, Group, Stack, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, read } from "../../api/client.ts";
import type { Item } from "../../api/types.ts";
import { useAction } from "../../api/use-action.ts";
import { Confirm } from "../../shared/confirm.tsx";
import { differences, SettingsDifference } from "../../shared/difference.tsx";
import { RelativeTime } from "../../shared/relative-time.tsx";
import { ErrorState, LoadingState } from "../../shared/states.tsx";
import type { ProfileDetail } from "./profile-draft.ts";

type Version = Item<"/api/v1/profiles/{id}/versions">;

const shownAtFirst = 20;

/** Who changed what and when, newest first, and the way back to each. */
export function ProfileVersions({
  profile,
  mayManage,
}: {
  readonly profile: ProfileDetail;
  readonly mayManage: boolean;
}) {
  const path = { id: profile.id };
  const [limit, setLimit] = useState(shownAtFirst);
  const [back, setBack] = useState<Version>();
  const query = useQuery({
    queryKey: ["profile", profile.id, "versions", limit],
    queryFn: () =>
      read(api.GET("/api/v1/profiles/{id}/versions", { params: { path, query: { limit, sort: "-version" } } })),
    placeholderData: (before) => before,
  });
  const rollback = useAction(
    (version: number) => read(api.POST("/api/v1/profiles/{id}/rollback", { params: { path }, body: { version } })),
    {
      changes: [["profile", profile.id], ["profiles"], ["agents"], ["agent"]],
      done: (_, version) => `The settings of version ${version} are back.`,
      onDone: () => setBack(undefined),
    },
  );
  if (query.data === undefined) {
    return query.isError ? <ErrorState error={query.error} retry={() => void query.refetch()} /> : <LoadingState />;
  }
  const { items, nextCursor } = query.data;
  return (
    <Stack gap="md">
      {items.map((version, index) => (
        <section key={version.version} aria-label={`Version ${version.version}`}>
          <Group justify="space-between" gap="xs" mb={4}>
            <Text size="md">
              <b>Version {version.version}</b> by {version.madeBy.name}, <RelativeTime at={version.madeAt} />
              {version.rollbackOf !== null && `; back to version ${version.rollbackOf}`}
            </Text>
            {mayManage && index > 0 && (
              <Button size="compact-sm" variant="default" onClick={() => setBack(version)}>
                Back to this one
              </Button>
            )}
          </Group>
          <SettingsDifference
            changes={changesOf(version)}
            same={version.version === 1 ? "The first one." : "No setting differs."}
          />
        </section>
      ))}
      {nextCursor !== null && limit < 500 && (
        <Group>
          <Button variant="default" onClick={() => setLimit(500)} loading={query.isFetching}>
            Show older versions
          </Button>
        </Group>
      )}
      {back && (
        <Confirm
          title={`Back to version ${back.version}?`}
          verb={`Back to version ${back.version}`}
          running={rollback.running}
          problem={rollback.problem}
          onConfirm={() => void rollback.run(back.version)}
          onClose={() => setBack(undefined)}
        >
          <Text size="md" mb="xs">
            Its settings become a new version. Connected agents have them within about a second.
          </Text>
          <SettingsDifference
            changes={differences(settingsOf(profile), settingsOf(back))}
            before="Now"
            after={`Version ${back.version}`}
          />
        </Confirm>
      )}
    </Stack>
  );
}

function changesOf({ changes }: Version) {
  return Object.entries(changes).map(([path, { from, to }]) => ({ path, before: from, after: to }));
}

function settingsOf({ serviceProtection, checkIn, desiredVersion, cleanUpAfterDays }: Version | ProfileDetail) {
  return { serviceProtection, checkIn, desiredVersion, cleanUpAfterDays };
}
