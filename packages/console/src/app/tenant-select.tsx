import { Select } from "@mantine/core";
import { IconBuilding } from "@tabler/icons-react";
import { useSearchState } from "../shared/search-state.ts";
import { useTenants } from "./tenant.ts";

const all = "all";

/** Whose agents, profiles and tokens the pages show: those of one tenant, or of all that one may see. */
export function TenantSelect() {
  const [search, setSearch] = useSearchState();
  const tenants = useTenants();
  const chosen = search["tenant"] ?? all;
  const names = tenants.map(({ id, name }) => ({ value: id, label: name }));
  const unknown = chosen !== all && !tenants.some(({ id }) => id === chosen);
  return (
    <Select
      aria-label="Tenant"
      data={[
        { value: all, label: "All tenants" },
        ...names,
        ...(unknown ? [{ value: chosen, label: "Tenant not found" }] : []),
      ]}
      value={chosen}
      onChange={(value) =>
        // A cursor belongs to the list of one tenant.
        setSearch({ tenant: value === null || value === all ? undefined : value, cursor: undefined, n: undefined })
      }
      searchable={tenants.length > 8}
      allowDeselect={false}
      nothingFoundMessage="No tenant has this name"
      leftSection={<IconBuilding size={16} stroke={1.7} />}
      size="sm"
      w={{ base: 168, sm: 230 }}
      maxDropdownHeight={360}
      comboboxProps={{ width: 260, position: "bottom-start" }}
    />
  );
}
