import { Text, TextInput } from "@mantine/core";
import { firstPage } from "../../shared/list/use-list.ts";
import { useSearchState } from "../../shared/search-state.ts";

const labelWidth = 50;

/** One end of a span of time, as a time in the address; typed and shown as a day and minute of the browser's zone. */
export function DateFilter({ name, label }: { readonly name: string; readonly label: string }) {
  const [search, setSearch] = useSearchState();
  const value = search[name];
  return (
    <TextInput
      type="datetime-local"
      aria-label={label}
      leftSection={
        <Text size="xs" c="dimmed">
          {label}
        </Text>
      }
      leftSectionWidth={labelWidth}
      value={value === undefined ? "" : toLocal(new Date(value))}
      onChange={(event) => {
        const at = new Date(event.currentTarget.value);
        setSearch(
          { ...firstPage, [name]: Number.isNaN(at.getTime()) ? undefined : at.toISOString() },
          { replace: true },
        );
      }}
      w={190 + labelWidth - 12}
    />
  );
}

/** As the input wants it: local time, without a zone, to the minute. */
function toLocal(at: Date): string {
  if (Number.isNaN(at.getTime())) return "";
  return new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}
