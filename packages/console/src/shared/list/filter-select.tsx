import { Select } from "@mantine/core";
import { useSearchState } from "../search-state.ts";
import { firstPage } from "./use-list.ts";

/** One filter of a list, by its name in the address. Nothing chosen: not filtered. */
export function FilterSelect({
  name,
  label,
  options,
}: {
  readonly name: string;
  readonly label: string;
  readonly options: readonly { readonly value: string; readonly label: string }[];
}) {
  const [search, setSearch] = useSearchState();
  const value = search[name] ?? null;
  const known = value === null || options.some((option) => option.value === value);
  return (
    <Select
      aria-label={label}
      placeholder={label}
      data={known ? [...options] : [...options, { value, label: value }]}
      value={value}
      onChange={(next) => setSearch({ ...firstPage, [name]: next ?? undefined })}
      clearable
      clearButtonProps={{ "aria-label": `Clear ${label.toLowerCase()}` }}
      searchable={options.length > 8}
      w={128}
      comboboxProps={{ width: "max-content", position: "bottom-start" }}
    />
  );
}
