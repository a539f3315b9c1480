import "@mantine/spotlight/styles.css";
import { useDebouncedValue } from "@mantine/hooks";
import {
  createSpotlight,
  Spotlight,
  type SpotlightActionData,
  type SpotlightActionGroupData,
} from "@mantine/spotlight";
import { IconDeviceDesktop, IconSearch } from "@tabler/icons-react";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useEffect, useState } from "react";
import { api, read } from "../api/client.ts";
import { useMay } from "../api/session.ts";
import { useExternalValue } from "../shared/external-value.ts";
import { platformNames } from "../shared/words.ts";
import { pages } from "./pages.ts";
import { searchAsked } from "./search-opened.ts";
import { useTenantId, useTenantName } from "./tenant.ts";

const [store, spotlight] = createSpotlight();

/** Finds pages by their names, and agents by host name or label in the chosen tenant. */
export function SearchPalette() {
  const asked = useExternalValue(searchAsked);
  useEffect(() => {
    if (asked > 0) spotlight.open();
  }, [asked]);
  const [typed, setTyped] = useState("");
  const groups = [usePages(typed), useAgents(typed)].filter(({ actions }) => actions.length > 0);
  const found = groups.flatMap(({ actions }) => actions.map(({ id }) => id)).join(" ");
  useEffect(() => {
    const frame = window.requestAnimationFrame(() => found !== "" && selectFirst());
    return () => window.cancelAnimationFrame(frame);
  }, [found]);
  return (
    <Spotlight
      store={store}
      shortcut={null}
      query={typed}
      onQueryChange={setTyped}
      actions={groups}
      // What fits is decided here; the palette would look at the labels only.
      filter={(_query, all) => all}
      highlightQuery
      styles={{ actionDescription: { color: "inherit", opacity: 0.9 } }}
      overlayProps={{ blur: 0, backgroundOpacity: 0.45 }}
      scrollable
      maxHeight={420}
      nothingFound="Nothing has this name"
      searchProps={{
        leftSection: <IconSearch size={17} />,
        placeholder: "A page, a host name, a label…",
        "aria-label": "Search pages and agents",
      }}
    />
  );
}

/** Enter goes to the first that was found. The palette sees to that for what is there at once, and agents come later. */
function selectFirst(): void {
  const all = document.querySelectorAll("[data-action]");
  if ([...all].some((one) => one.hasAttribute("data-selected"))) return;
  all[0]?.setAttribute("data-selected", "true");
  store.updateState((state) => ({ ...state, selected: 0 }));
}

function usePages(typed: string): SpotlightActionGroupData {
  const may = useMay();
  const navigate = useNavigate();
  const word = typed.trim().toLowerCase();
  const actions = pages
    .filter(({ icon, permission }) => icon !== undefined && (permission === undefined || may(permission)))
    .filter(({ title, trail }) => [...trail, title].join(" ").toLowerCase().includes(word))
    .map(({ path, title, trail, icon: IconOf }): SpotlightActionData => {
      return {
        id: path,
        label: title,
        description: trail.join(" › "),
        leftSection: IconOf && <IconOf size={18} stroke={1.6} />,
        onClick: () => void navigate({ to: path }),
      };
    });
  return { group: "Pages", actions };
}

function useAgents(typed: string): SpotlightActionGroupData {
  const may = useMay();
  const navigate = useNavigate();
  const tenantId = useTenantId();
  const tenantName = useTenantName();
  const [q] = useDebouncedValue(typed.trim(), 150);
  const found = useQuery({
    queryKey: ["agents", "search", q, tenantId],
    queryFn: () =>
      read(
        api.GET("/api/v1/agents", { params: { query: { q, limit: 8, ...(tenantId && { tenantId: [tenantId] }) } } }),
      ),
    enabled: q.length > 1 && may("agent.read"),
    placeholderData: keepPreviousData,
  });
  const actions = (q.length > 1 ? (found.data?.items ?? []) : []).map((agent): SpotlightActionData => {
    return {
      id: agent.id,
      label: agent.hostName,
      description: `${platformNames[agent.platform]} · ${tenantName(agent.tenantId)}`,
      leftSection: <IconDeviceDesktop size={18} stroke={1.6} />,
      onClick: () => void navigate({ to: `/manage/workloads/agents/${agent.id}` }),
    };
  });
  return { group: "Agents", actions };
}
