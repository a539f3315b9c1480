import { type ReactNode, useEffect } from "react";
import { useMay } from "../api/session.ts";
import { NotAllowedState } from "../shared/states.tsx";
import type { Page } from "./page.ts";

/** What every page has: its name in the browser's tab, and words instead of it for those who may not open it. */
export function PageFrame({ page, children }: { readonly page: Page; readonly children: ReactNode }) {
  const may = useMay();
  useEffect(() => {
    document.title = `${page.title} · Postern`;
  }, [page.title]);
  if (page.permission !== undefined && !may(page.permission)) {
    return <NotAllowedState title={page.title} permission={page.permission} />;
  }
  return children;
}
