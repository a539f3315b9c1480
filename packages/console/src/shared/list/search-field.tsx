import { CloseButton, TextInput } from "@mantine/core";
import { useDebouncedCallback } from "@mantine/hooks";
import { IconSearch } from "@tabler/icons-react";
import { useEffect, useRef, useState } from "react";
import { useSearchState } from "../search-state.ts";
import { firstPage } from "./use-list.ts";

/** The list's `q`: it goes into the address a moment after the last key. */
export function SearchField({ label, placeholder }: { readonly label: string; readonly placeholder: string }) {
  const [search, setSearch] = useSearchState();
  const q = search["q"] ?? "";
  const [typed, setTyped] = useState(q);
  const sent = useRef(q);
  const send = useDebouncedCallback((text: string) => {
    sent.current = text.trim();
    setSearch({ ...firstPage, q: text.trim() || undefined }, { replace: true });
  }, 250);
  // Somebody else changed the address: a saved view, "back", "clear all".
  useEffect(() => {
    if (q === sent.current) return;
    sent.current = q;
    setTyped(q);
  }, [q]);
  function change(text: string): void {
    setTyped(text);
    send(text);
  }
  return (
    <TextInput
      type="search"
      aria-label={label}
      placeholder={placeholder}
      maxLength={255}
      leftSection={<IconSearch size={16} aria-hidden />}
      rightSection={typed !== "" && <CloseButton size="sm" aria-label="Clear the search" onClick={() => change("")} />}
      value={typed}
      onChange={(event) => change(event.currentTarget.value)}
      w={{ base: "100%", xs: 260 }}
    />
  );
}
