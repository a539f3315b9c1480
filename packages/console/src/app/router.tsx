import { createRootRoute, createRoute, createRouter, lazyRouteComponent, Navigate } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { parseSearch, type Search, stringifySearch } from "../shared/search-state.ts";
import { ErrorState, LoadingState, NotFoundState } from "../shared/states.tsx";
import type { Page } from "./page.ts";
import { PageFrame } from "./page-frame.tsx";
import { homePath, pages } from "./pages.ts";
import { Shell } from "./shell.tsx";

const root = createRootRoute({
  component: Shell,
  notFoundComponent: NotFoundState,
  validateSearch: (search) => search as Search,
  search: { middlewares: [keepTenant] },
});

/** The chosen tenant goes along to every page, unless a link names another or, by undefined, none. */
function keepTenant({ search, next }: { search: Search; next: (search: Search) => Search }): Search {
  const result = next(search);
  return "tenant" in result ? result : { ...result, tenant: search["tenant"] };
}

const home = createRoute({
  getParentRoute: () => root,
  path: "/",
  component: () => <Navigate to={homePath} replace />,
});

export const router = createRouter({
  routeTree: root.addChildren([home, ...pages.map(routeOf)]),
  parseSearch,
  stringifySearch,
  defaultPreload: "intent",
  defaultPendingComponent: LoadingState,
  defaultErrorComponent: ({ error, reset }) => <ErrorState error={error} retry={reset} />,
  scrollRestoration: true,
});

function routeOf(page: Page) {
  const Component = lazyRouteComponent(async (): Promise<{ default: () => ReactNode }> => {
    return { default: await page.load() };
  });
  return createRoute({
    getParentRoute: () => root,
    path: page.path,
    component: () => (
      <PageFrame page={page}>
        <Component />
      </PageFrame>
    ),
  });
}
