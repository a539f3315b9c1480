import { useQuery } from "@tanstack/react-query";
import { api, read } from "../../api/client.ts";
import { useTenantId } from "../../app/tenant.ts";
import { count } from "../../shared/words.ts";

const mostShown = 99;

/** How many alarms are open in the chosen tenant; nothing when there is none. The cluster tells of new ones. */
export function AlarmCount() {
  const tenantId = useTenantId();
  const counts = useQuery({
    queryKey: ["alarms", "counts", tenantId],
    queryFn: () =>
      read(api.GET("/api/v1/alarms/counts", { params: { query: { ...(tenantId !== undefined && { tenantId }) } } })),
  });
  const { open = 0, openProblems = 0 } = counts.data ?? {};
  if (open === 0) return null;
  const words = `${count(open, "open alarm")}${openProblems > 0 ? `, ${openProblems} of them problems` : ""}`;
  return (
    <span data-tone={openProblems > 0 ? "bad" : "warn"} role="img" aria-label={words} data-hint={words}>
      {open > mostShown ? `${mostShown}+` : open}
    </span>
  );
}
