import { useTenantId } from "../../app/tenant.ts";
import { FilterSelect } from "../../shared/list/filter-select.tsx";
import type { Facets } from "./use-facets.ts";

/** The filters that have no bar of their own, with how many agents each value would leave. */
export function MoreFilters({ facets }: { readonly facets: Facets | undefined }) {
  const oneTenant = useTenantId() !== undefined;
  const profiles = (facets?.profileId ?? []).map(({ value, name, tenant, count }) => {
    return { value, label: `${oneTenant ? name : `${name} (${tenant.name})`} · ${count.toLocaleString("en")}` };
  });
  const labels = (facets?.label ?? []).map(({ value, count }) => {
    return { value, label: `${value} · ${count.toLocaleString("en")}` };
  });
  const versions = (facets?.version ?? []).map(({ value, count }) => {
    return { value, label: `${value} · ${count.toLocaleString("en")}` };
  });
  return (
    <>
      <FilterSelect name="profileId" label="Profile" options={profiles} />
      <FilterSelect name="label" label="Label" options={labels} />
      {versions.length > 5 && <FilterSelect name="version" label="Version" options={versions} />}
    </>
  );
}
