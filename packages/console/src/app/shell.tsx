import { ActionIcon, AppShell, Burger, Group, Kbd, Text, UnstyledButton } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { IconSearch } from "@tabler/icons-react";
import { useQueryClient } from "@tanstack/react-query";
import { Link, Outlet, useRouterState } from "@tanstack/react-router";
import { lazy, Suspense, useEffect, useRef } from "react";
import { keepLive } from "../api/live.ts";
import { LoadingState } from "../shared/states.tsx";
import { ConnectionBanner } from "./connection-banner.tsx";
import { Demands } from "./demands.tsx";
import { Mark } from "./mark.tsx";
import { Navigation } from "./navigation.tsx";
import { openSearch, useSearchShortcut } from "./search-opened.ts";
import classes from "./shell.module.css";
import { TenantSelect } from "./tenant-select.tsx";
import { UserMenu } from "./user-menu.tsx";

const SearchPalette = lazy(async () => ({ default: (await import("./search-palette.tsx")).SearchPalette }));

/** Header, navigation, and the page between them. */
export function Shell() {
  const client = useQueryClient();
  useEffect(() => keepLive(client), [client]);
  const [navigationOpened, navigation] = useDisclosure(false);
  const path = useRouterState({ select: ({ location }) => location.pathname });
  const shownPath = useRef(path);
  useEffect(() => {
    if (shownPath.current === path) return;
    shownPath.current = path;
    navigation.close();
    // Whoever reads by ear starts at the new page, not in the navigation of the old one.
    document.getElementById("content")?.focus({ preventScroll: true });
  }, [path, navigation.close]);
  const searchWanted = useSearchShortcut();

  return (
    <AppShell
      header={{ height: 52 }}
      navbar={{ width: 240, breakpoint: "md", collapsed: { mobile: !navigationOpened } }}
      padding={0}
    >
      <a href="#content" className="skip-link">
        Skip to the page
      </a>
      <AppShell.Header className={classes["header"] ?? ""}>
        <Burger
          opened={navigationOpened}
          onClick={navigation.toggle}
          hiddenFrom="md"
          size="sm"
          aria-label={navigationOpened ? "Close the navigation" : "Open the navigation"}
        />
        <Link to="/" className={classes["brand"] ?? ""} aria-label="Postern: to the Agent List">
          <Mark size={24} />
          <Text fw={650} size="lg" visibleFrom="xs" component="span">
            Postern
          </Text>
        </Link>
        <TenantSelect />
        <Group gap={6} ml="auto" wrap="nowrap">
          <UnstyledButton className={classes["search"] ?? ""} onClick={openSearch} visibleFrom="sm">
            <IconSearch size={15} aria-hidden />
            <span>Search</span>
            <Kbd size="xs">Ctrl K</Kbd>
          </UnstyledButton>
          <ActionIcon variant="subtle" color="gray" size={34} aria-label="Search" onClick={openSearch} hiddenFrom="sm">
            <IconSearch size={18} />
          </ActionIcon>
          <UserMenu />
        </Group>
      </AppShell.Header>
      <AppShell.Navbar className={classes["navbar"] ?? ""} aria-label="Main" withBorder>
        <Navigation />
      </AppShell.Navbar>
      <AppShell.Main>
        <ConnectionBanner />
        <div id="content" tabIndex={-1} className={classes["content"]}>
          <Suspense fallback={<LoadingState />}>
            <Outlet />
          </Suspense>
        </div>
      </AppShell.Main>
      <Demands />
      {searchWanted && (
        <Suspense fallback={null}>
          <SearchPalette />
        </Suspense>
      )}
    </AppShell>
  );
}
