import { useQuery } from "@tanstack/react-query";
import { api, read } from "../../api/client.ts";
import { useMay } from "../../api/session.ts";

/** The packages that there are, the newest version first; none for who may not see them. */
export function usePackages() {
  const may = useMay();
  const { data } = useQuery({
    queryKey: ["packages", "newest"],
    queryFn: () => read(api.GET("/api/v1/agent-packages", { params: { query: { limit: 20 } } })),
    enabled: may("package.read"),
    // Nothing tells a page that a package was added, and it is asked for where it matters which is the newest.
    refetchOnMount: "always",
  });
  return data?.items ?? [];
}

/** The name under which the cluster hands out a package's file. */
export function packageFileName({ version }: { readonly version: string }): string {
  return `PosternAgent-${version}.msi`;
}
