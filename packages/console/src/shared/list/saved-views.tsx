import { ActionIcon, Button, Menu, Modal, Stack, TextInput } from "@mantine/core";
import { IconBookmark, IconTrash } from "@tabler/icons-react";
import { type FormEvent, useState } from "react";
import { type Search, useSearchState } from "../search-state.ts";
import { useStored } from "../stored.ts";
import type { ColumnChoice } from "./use-columns.ts";
import { firstPage } from "./use-list.ts";

/** Filters, sort and columns under a name. */
export interface View {
  readonly name: string;
  readonly search: Search;
  /** Ids of the columns that are shown; without it those that were shown last with this search. */
  readonly columns?: readonly string[];
}

/** Views that come with the page, and those that this browser has stored. */
export function SavedViews({
  list,
  ready,
  members,
  choiceOf,
}: {
  /** Name of the list, unique in the console. */
  readonly list: string;
  readonly ready: readonly View[];
  /** The names of the address that belong to a view: filters and sort. */
  readonly members: readonly string[];
  /** The choice of columns that belongs to a search. */
  readonly choiceOf: (search: Search) => ColumnChoice;
}) {
  const [search, setSearch] = useSearchState();
  const [stored, store] = useStored<readonly View[]>(`views:${list}`, []);
  const [naming, setNaming] = useState(false);

  function apply(view: View): void {
    const cleared = Object.fromEntries(members.map((member) => [member, undefined]));
    setSearch({ ...cleared, ...firstPage, ...view.search });
    if (view.columns) choiceOf(view.search).setAll(view.columns);
  }

  function save(name: string): void {
    const now = Object.fromEntries(members.map((member) => [member, search[member]]));
    const columns = Object.entries(choiceOf(search).visibility).flatMap(([id, visible]) => (visible ? [id] : []));
    store([...stored.filter((view) => view.name !== name), { name, search: now, columns }]);
    setNaming(false);
  }

  return (
    <>
      <Menu width={240}>
        <Menu.Target>
          <Button variant="default" leftSection={<IconBookmark size={16} aria-hidden />}>
            Views
          </Button>
        </Menu.Target>
        <Menu.Dropdown>
          {ready.map((view) => (
            <Menu.Item key={view.name} onClick={() => apply(view)}>
              {view.name}
            </Menu.Item>
          ))}
          {stored.length > 0 && <Menu.Label>Yours, in this browser</Menu.Label>}
          {stored.map((view) => (
            <Menu.Item key={view.name} onClick={() => apply(view)}>
              {view.name}
            </Menu.Item>
          ))}
          <Menu.Divider />
          <Menu.Item onClick={() => setNaming(true)}>Save this view…</Menu.Item>
        </Menu.Dropdown>
      </Menu>
      {naming && (
        <NameView
          stored={stored}
          onSave={save}
          onDelete={(name) => store(stored.filter((view) => view.name !== name))}
          onClose={() => setNaming(false)}
        />
      )}
    </>
  );
}

function NameView({
  stored,
  onSave,
  onDelete,
  onClose,
}: {
  readonly stored: readonly View[];
  readonly onSave: (name: string) => void;
  readonly onDelete: (name: string) => void;
  readonly onClose: () => void;
}) {
  const [name, setName] = useState("");
  function submit(event: FormEvent): void {
    event.preventDefault();
    if (name.trim() !== "") onSave(name.trim());
  }
  return (
    <Modal opened onClose={onClose} title="Save this view" size="sm" closeButtonProps={{ "aria-label": "Close" }}>
      <form onSubmit={submit}>
        <Stack gap="sm">
          <TextInput
            label="Name"
            description="Filters, sort and columns are kept in this browser."
            value={name}
            maxLength={60}
            onChange={(event) => setName(event.currentTarget.value)}
            data-autofocus
          />
          <Button type="submit" disabled={name.trim() === ""}>
            {stored.some((view) => view.name === name.trim()) ? "Replace it" : "Save"}
          </Button>
          {stored.map((view) => (
            <div key={view.name} style={{ display: "flex", alignItems: "center", justifyContent: "space-between" }}>
              {view.name}
              <ActionIcon
                variant="subtle"
                color="gray"
                aria-label={`Delete ${view.name}`}
                onClick={() => onDelete(view.name)}
              >
                <IconTrash size={16} aria-hidden />
              </ActionIcon>
            </div>
          ))}
        </Stack>
      </form>
    </Modal>
  );
}
