import { ActionIcon, Button, Divider, Group, Modal, Stack, Text } from "@mantine/core";
import { IconX } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, read } from "../../api/client.ts";
import { useAction } from "../../api/use-action.ts";
import { useTenantName } from "../../app/tenant.ts";
import { ProblemAlert } from "../../shared/problem-alert.tsx";
import { ErrorState, LoadingState } from "../../shared/states.tsx";
import { roleNames } from "../../shared/words.ts";
import {
  isComplete,
  type Role,
  type RoleDraft,
  RoleField,
  roleMeanings,
  useFirstDraft,
  useGrantableRoles,
} from "./role-fields.tsx";

/** The roles of a user: give one more, take one away. Each counts from the user's next request on. */
export function UserRolesDialog({ userId, onClose }: { readonly userId: string; readonly onClose: () => void }) {
  const tenantName = useTenantName();
  const path = { id: userId };
  const query = useQuery({
    queryKey: ["users", "one", userId],
    queryFn: () => read(api.GET("/api/v1/users/{id}", { params: { path } })),
  });
  const names = useGrantableRoles();
  const first = useFirstDraft();
  const [draft, setDraft] = useState<RoleDraft>();
  const grant = useAction(
    (role: Role) => read(api.POST("/api/v1/users/{id}/roles", { params: { path }, body: role })),
    { changes: [["users"]], done: "The role was given.", onDone: () => setDraft(undefined) },
  );
  const revoke = useAction(
    (bindingId: string) =>
      api.DELETE("/api/v1/users/{id}/roles/{bindingId}", { params: { path: { ...path, bindingId } } }),
    { changes: [["users"]], done: "The role was taken away." },
  );
  const chosen = draft ?? first;
  const user = query.data;
  return (
    <Modal
      opened
      onClose={onClose}
      title={user ? `Roles of ${user.name}` : "Roles"}
      closeButtonProps={{ "aria-label": "Close" }}
    >
      {query.isPending && <LoadingState />}
      {query.isError && <ErrorState error={query.error} retry={() => void query.refetch()} order={2} />}
      {user && (
        <Stack gap="sm">
          {user.roles.length === 0 && (
            <Text size="md" c="dimmed">
              No role: {user.name} can log in and see nothing.
            </Text>
          )}
          {user.roles.map(({ id, role, tenantId }) => {
            const words = `${roleNames[role]} of ${tenantId === null ? "the cluster" : tenantName(tenantId)}`;
            return (
              <Group key={id} justify="space-between" wrap="nowrap">
                <div>
                  <Text size="md">{words}</Text>
                  <Text size="xs" c="dimmed">
                    {roleMeanings[role]}
                  </Text>
                </div>
                <ActionIcon
                  variant="subtle"
                  color="gray"
                  aria-label={`Take away ${words}`}
                  data-hint="Take away"
                  loading={revoke.running}
                  onClick={() => void revoke.run(id)}
                >
                  <IconX size={16} aria-hidden />
                </ActionIcon>
              </Group>
            );
          })}
          <ProblemAlert problem={revoke.problem} />
          <Divider />
          <RoleField draft={chosen} names={names} onChange={setDraft} />
          <ProblemAlert problem={grant.problem} />
          <Group justify="flex-end" gap="xs">
            <Button variant="default" onClick={onClose}>
              Close
            </Button>
            <Button
              loading={grant.running}
              disabled={!isComplete(chosen)}
              onClick={() => isComplete(chosen) && void grant.run(chosen)}
            >
              Give this role
            </Button>
          </Group>
        </Stack>
      )}
    </Modal>
  );
}
