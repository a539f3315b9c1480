import "@mantine/spotlight/styles.css";
import { useDebouncedValue } from "@mantine/hooks";
import {
  createSpotlight,
  Spotlight,
  type SpotlightActionData,
  type SpotlightActionGroupData,
} from "@mantine/spotlight";
import { IconAdjustments, IconBuilding, IconDeviceDesktop, IconSearch, IconUsers } from "@tabler/icons-react";
import { keepPreviousData, type QueryKey, useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useEffect, useState } from "react";
import { api, read } from "../api/client.ts";
import { useMay } from "../api/session.ts";
import { agentListPage, agentPath } from "../pages/agents/pages.ts";
import { profilePath } from "../pages/config/pages.ts";
import { usersPage } from "../pages/people/pages.ts";
import { useExternalValue } from "../shared/external-value.ts";
import { platformNames, roleNames } from "../shared/words.ts";
import { pages } from "./pages.ts";
import { searchAsked } from "./search-opened.ts";
import { useTenantId, useTenantName } from "./tenant.ts";

const [store, spotlight] = createSpotlight();

/** Finds pages, tenants, users and profiles by their names, and agents by host name or label in the chosen tenant. */
export function SearchPalette() {
  const asked = useExternalValue(searchAsked);
  useEffect(() => {
    if (asked > 0) spotlight.open();
  }, [asked]);
  const [typed, setTyped] = useState("");
  const [q] = useDebouncedValue(typed.trim(), 150);
  const groups = [usePages(typed), useAgents(q), useTenantsFound(q), useUsers(q), useProfiles(q)].filter(
    ({ actions }) => actions.length > 0,
  );
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
        placeholder: "A page, host name, label, tenant, user or profile…",
        "aria-label": "Search everything",
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

/** What is looked for in the cluster: one letter would find too much. */
const lettersWanted = 2;
const mostOfAKind = 8;

function useAgents(q: string): SpotlightActionGroupData {
  const may = useMay();
  const navigate = useNavigate();
  const tenantId = useTenantId();
  const tenantName = useTenantName();
  const found = useFound(["agents", "search", q, tenantId], q, may("agent.read"), () =>
    read(
      api.GET("/api/v1/agents", {
        params: { query: { q, limit: mostOfAKind, ...(tenantId && { tenantId: [tenantId] }) } },
      }),
    ),
  );
  const actions = found.map((agent): SpotlightActionData => {
    return {
      id: agent.id,
      label: agent.hostName,
      description: `${platformNames[agent.platform]} · ${tenantName(agent.tenantId)}`,
      leftSection: <IconDeviceDesktop size={18} stroke={1.6} />,
      onClick: () => void navigate({ to: agentPath(agent.id) }),
    };
  });
  return { group: "Agents", actions };
}

/** A tenant leads to its agents. */
function useTenantsFound(q: string): SpotlightActionGroupData {
  const may = useMay();
  const navigate = useNavigate();
  const found = useFound(["tenants", "search", q], q, may("tenant.read"), () =>
    read(api.GET("/api/v1/tenants", { params: { query: { q, limit: mostOfAKind } } })),
  );
  const actions = found.map(({ id, name }): SpotlightActionData => {
    return {
      id,
      label: name,
      description: "Its agents",
      leftSection: <IconBuilding size={18} stroke={1.6} />,
      onClick: () => void navigate({ to: agentListPage.path, search: { tenant: id } }),
    };
  });
  return { group: "Tenants", actions };
}

function useUsers(q: string): SpotlightActionGroupData {
  const may = useMay();
  const navigate = useNavigate();
  const found = useFound(["users", "search", q], q, may("user.read"), () =>
    read(api.GET("/api/v1/users", { params: { query: { q, limit: mostOfAKind } } })),
  );
  const actions = found.map(({ id, name, roles }): SpotlightActionData => {
    return {
      id,
      label: name,
      description: [...new Set(roles.map(({ role }) => roleNames[role]))].join(", ") || "No role",
      leftSection: <IconUsers size={18} stroke={1.6} />,
      onClick: () => void navigate({ to: usersPage.path, search: { q: name } }),
    };
  });
  return { group: "Users", actions };
}

/** Profiles are few: the API has no search for them, so that of the palette is done here. */
function useProfiles(q: string): SpotlightActionGroupData {
  const may = useMay();
  const navigate = useNavigate();
  const tenantId = useTenantId();
  const tenantName = useTenantName();
  const all = useFound(["profiles", "search", tenantId], q, may("profile.read"), () =>
    read(
      api.GET("/api/v1/profiles", { params: { query: { limit: 500, ...(tenantId !== undefined && { tenantId }) } } }),
    ),
  );
  const actions = all
    .filter(({ name }) => name.toLowerCase().includes(q.toLowerCase()))
    .slice(0, mostOfAKind)
    .map((profile): SpotlightActionData => {
      return {
        id: profile.id,
        label: profile.name,
        description: `Agent config profile of ${tenantName(profile.tenantId)}`,
        leftSection: <IconAdjustments size={18} stroke={1.6} />,
        onClick: () => void navigate({ to: profilePath(profile.id) }),
      };
    });
  return { group: "Agent Config Profiles", actions };
}

/** What the cluster has of a kind by this name; nothing while too little was typed, or where one may not look. */
function useFound<Found>(
  queryKey: QueryKey,
  q: string,
  mayLook: boolean,
  load: () => Promise<{ readonly items: readonly Found[] }>,
): readonly Found[] {
  const isAsked = q.length >= lettersWanted && mayLook;
  const found = useQuery({ queryKey, queryFn: load, enabled: isAsked, placeholderData: keepPreviousData });
  return isAsked ? (found.data?.items ?? []) : [];
}
