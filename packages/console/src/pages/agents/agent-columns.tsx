import { Link } from "@tanstack/react-router";
import type { Agent } from "../../api/types.ts";
import { Label, ProtectionBadge, StateBadge } from "../../shared/badges.tsx";
import type { Column } from "../../shared/list/column.ts";
import { RelativeTime } from "../../shared/relative-time.tsx";
import { platformNames } from "../../shared/words.ts";
import classes from "./agents.module.css";

export function agentColumns(tenantName: (id: string) => string): readonly Column<Agent>[] {
  return [
    {
      id: "hostName",
      header: "Host name",
      sort: "hostName",
      fixed: true,
      width: "min(15rem, 38vw)",
      cell: ({ id, hostName }) => (
        <Link to={`/manage/workloads/agents/${id}`} className={classes["host"] ?? ""}>
          {hostName}
        </Link>
      ),
    },
    { id: "state", header: "State", width: "6.5rem", cell: ({ state }) => <StateBadge state={state} /> },
    {
      id: "protection",
      header: "Protection",
      width: "9.5rem",
      cell: ({ protection }) => <ProtectionBadge protection={protection} />,
    },
    { id: "tenant", header: "Tenant", width: "10rem", cell: ({ tenantId }) => tenantName(tenantId) },
    { id: "platform", header: "Platform", width: "7rem", cell: ({ platform }) => platformNames[platform] },
    {
      id: "osVersion",
      header: "OS version",
      width: "8rem",
      hiddenAtFirst: true,
      cell: ({ osVersion }) => osVersion,
    },
    {
      id: "agentVersion",
      header: "Version",
      width: "6.5rem",
      cell: ({ agentVersion }) => <span className="number">{agentVersion}</span>,
    },
    {
      id: "labels",
      header: "Labels",
      grows: true,
      cell: ({ labels }) => (
        <span className={classes["labels"]}>
          {labels.map((label) => (
            <Label key={label}>{label}</Label>
          ))}
        </span>
      ),
    },
    {
      id: "seenAt",
      header: "Seen",
      sort: "seenAt",
      width: "7.5rem",
      cell: ({ seenAt }) => <RelativeTime at={seenAt} focusable={false} />,
    },
    {
      id: "enrolledAt",
      header: "Enrolled",
      sort: "enrolledAt",
      width: "7.5rem",
      hiddenAtFirst: true,
      cell: ({ enrolledAt }) => <RelativeTime at={enrolledAt} focusable={false} />,
    },
  ];
}
