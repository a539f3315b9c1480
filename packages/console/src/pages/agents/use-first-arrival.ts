import { notifications } from "@mantine/notifications";
import { useEffect, useRef } from "react";
import type { Agent } from "../../api/types.ts";

/** Tells, once, when a list that was empty gets its first agent; `where` names the list that is meant. */
export function useFirstArrival(where: string, rows: readonly Agent[] | undefined): void {
  const emptyAt = useRef<string>(undefined);
  useEffect(() => {
    if (rows === undefined) return;
    const [first] = rows;
    if (first === undefined) emptyAt.current = where;
    else if (emptyAt.current === where) {
      emptyAt.current = undefined;
      notifications.show({ title: "The first agent is here", message: `${first.hostName} has enrolled.` });
    } else emptyAt.current = undefined;
  }, [where, rows]);
}
