import { ActionIcon, Button, Group, Select, Stack, Text } from "@mantine/core";
import { IconPlus, IconX } from "@tabler/icons-react";
import { useMay, useSession } from "../../api/session.ts";
import type { Session } from "../../api/types.ts";
import { useTenants } from "../../app/tenant.ts";
import { roleNames } from "../../shared/words.ts";

export type Role = Session["roles"][number];
type RoleName = Role["role"];

/** Where a role can be held. */
const bound: Record<RoleName, readonly ("cluster" | "tenant")[]> = {
  site_admin: ["cluster"],
  customer_support: ["cluster"],
  tenant_owner: ["tenant"],
  agent_installer: ["tenant"],
  auditor: ["cluster", "tenant"],
};

/** What a role may do, in a sentence. */
export const roleMeanings: Record<RoleName, string> = {
  site_admin: "Everything, agent tokens for the cluster included.",
  customer_support: "Reads all tenants, acknowledges alarms, generates agent tokens for tenants and agents.",
  tenant_owner: "Manages one tenant: profiles, intents, agents, activation keys, users.",
  agent_installer: "Enrols agents of one tenant, and generates agent tokens for single agents.",
  auditor: "Reads everything in its reach, the audit log included. Changes nothing.",
};

const wholeCluster = "the cluster";

/** A role as it is being chosen: complete once it says where it is held. */
export interface RoleDraft {
  readonly role: RoleName;
  /** Undefined: not chosen yet. */
  readonly tenantId: string | null | undefined;
}

export function isComplete(draft: RoleDraft): draft is Role {
  return draft.tenantId !== undefined;
}

/** One role and where it is held. */
export function RoleField({
  draft,
  names,
  onChange,
  onRemove,
}: {
  readonly draft: RoleDraft;
  /** The roles to choose from. */
  readonly names: readonly RoleName[];
  readonly onChange: (draft: RoleDraft) => void;
  readonly onRemove?: () => void;
}) {
  const tenants = useTenants();
  const places = bound[draft.role];
  const where = [
    ...(places.includes("cluster") ? [{ value: wholeCluster, label: "The whole cluster" }] : []),
    ...(places.includes("tenant") ? tenants.map(({ id, name }) => ({ value: id, label: name })) : []),
  ];
  function changeRole(role: RoleName): void {
    const only = bound[role].includes("tenant") ? undefined : null;
    onChange({ role, tenantId: bound[role].includes("tenant") && draft.tenantId ? draft.tenantId : only });
  }
  return (
    <div>
      <Group gap="xs" align="flex-end" wrap="nowrap">
        <Select
          label="Role"
          flex={1}
          data={names.map((role) => ({ value: role, label: roleNames[role] }))}
          value={draft.role}
          onChange={(role) => role && changeRole(role as RoleName)}
          allowDeselect={false}
        />
        <Select
          label="Where"
          flex={1}
          placeholder="Choose a tenant"
          data={where}
          value={draft.tenantId === null ? wholeCluster : (draft.tenantId ?? null)}
          onChange={(value) => value && onChange({ ...draft, tenantId: value === wholeCluster ? null : value })}
          searchable={where.length > 8}
          allowDeselect={false}
        />
        {onRemove && (
          <ActionIcon variant="subtle" color="gray" size={34} aria-label="Remove this role" onClick={onRemove}>
            <IconX size={16} aria-hidden />
          </ActionIcon>
        )}
      </Group>
      <Text size="xs" c="dimmed" mt={4}>
        {roleMeanings[draft.role]}
      </Text>
    </div>
  );
}

/** Several roles; at least one stays. */
export function RoleFields({
  drafts,
  names,
  first,
  onChange,
}: {
  readonly drafts: readonly RoleDraft[];
  readonly names: readonly RoleName[];
  /** What a further role begins with. */
  readonly first: RoleDraft;
  readonly onChange: (drafts: readonly RoleDraft[]) => void;
}) {
  return (
    <Stack gap="sm">
      {drafts.map((draft, index) => (
        <RoleField
          // biome-ignore lint/suspicious/noArrayIndexKey: a draft is known by its place and by nothing else
          key={index}
          draft={draft}
          names={names}
          onChange={(changed) => onChange(drafts.with(index, changed))}
          {...(drafts.length > 1 && { onRemove: () => onChange(drafts.filter((_, other) => other !== index)) })}
        />
      ))}
      <div>
        <Button
          variant="subtle"
          size="xs"
          leftSection={<IconPlus size={14} aria-hidden />}
          onClick={() => onChange([...drafts, first])}
        >
          Another role
        </Button>
      </div>
    </Stack>
  );
}

/** The narrowest role one can grant, to begin with. */
export function useFirstDraft(): RoleDraft {
  const [only, ...others] = useTenants();
  return { role: "agent_installer", tenantId: others.length === 0 ? only?.id : undefined };
}

/** Roles for the cluster are for those who manage the cluster's users; the API decides the rest. */
export function useGrantableRoles(): readonly RoleName[] {
  const may = useMay();
  const names = Object.keys(roleNames) as RoleName[];
  return may.everywhere("user.manage") ? names : names.filter((role) => bound[role].includes("tenant"));
}

/** Roles for an API key: one's own, and for whom everything is open, all. */
export function useOwnRoles(): readonly RoleName[] {
  const { roles } = useSession();
  const names = Object.keys(roleNames) as RoleName[];
  const own = new Set(roles.map(({ role }) => role));
  return own.has("site_admin") ? names : names.filter((role) => own.has(role));
}
