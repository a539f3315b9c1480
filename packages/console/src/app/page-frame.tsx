import { useRouterState } from "@tanstack/react-router";
import { type ReactNode, useEffect } from "react";
import { useMay } from "../api/session.ts";
import { NotAllowedState } from "../shared/states.tsx";
import type { Page } from "./page.ts";

/** What every page has: its name in the browser's tab, and words instead of it for those who may not open it. */
export function PageFrame({ page, children }: { readonly page: Page; readonly children: ReactNode }) {
  const may = useMay();
  const path = useRouterState({ select: ({ location }) => location.pathname });
  useEffect(() => {
    document.title = `${page.title} · Postern`;
  }, [page.title]);
  // Whoever reads by ear starts at the new page, not in the navigation of the old one.
  useEffect(() => {
    if (path !== "") document.getElementById("content")?.focus({ preventScroll: true });
  }, [path]);
  if (page.permission !== undefined && !may(page.permission)) {
    return <NotAllowedState title={page.title} permission={page.permission} />;
  }
  return children;
}
