import type { Agent } from "../../api/types.ts";
import { Label, ProtectionBadge, StateBadge } from "../../shared/badges.tsx";
import type { Column } from "../../shared/list/column.ts";
import { PlainLink } from "../../shared/plain-link.tsx";
import { PlatformIcon } from "../../shared/platform-icon.tsx";
import { RelativeTime } from "../../shared/relative-time.tsx";
import { gapWords, platformNames } from "../../shared/words.ts";
import classes from "./agents.module.css";
import { agentPath } from "./pages.ts";
import { VersionCell } from "./version-cell.tsx";

/** What a row shows of an agent, and what can be switched on. */
export const agentColumns: readonly Column<Agent>[] = [
  {
    id: "hostName",
    header: "Host name",
    sort: "hostName",
    fixed: true,
    width: "min(12.5rem, 38vw)",
    cell: ({ id, hostName, platform }) => (
      <span className={classes["named"]}>
        <PlatformIcon platform={platform} />
        <PlainLink to={agentPath(id)} className={classes["host"]}>
          {hostName}
        </PlainLink>
      </span>
    ),
  },
  {
    id: "protection",
    header: "Protection",
    sort: "protection",
    width: "9.25rem",
    cell: ({ protection, wouldDrop }) => <ProtectionBadge protection={wouldDrop ? "would_drop" : protection} />,
  },
  { id: "state", header: "State", width: "8rem", cell: ({ state }) => <StateBadge state={state} /> },
  { id: "tenant", header: "Tenant", width: "9rem", cell: ({ tenant }) => tenant.name },
  {
    id: "profile",
    header: "Profile",
    sort: "profile",
    width: "9rem",
    hiddenAtFirst: true,
    cell: ({ profile }) => profile.name,
  },
  {
    id: "platform",
    header: "Platform",
    sort: "platform",
    width: "6.5rem",
    hiddenAtFirst: true,
    cell: ({ platform }) => platformNames[platform],
  },
  { id: "osVersion", header: "OS version", width: "8rem", hiddenAtFirst: true, cell: ({ osVersion }) => osVersion },
  {
    id: "version",
    header: "Version",
    sort: "version",
    width: "7.5rem",
    cell: ({ agentVersion, update }) => <VersionCell agentVersion={agentVersion} update={update} />,
  },
  {
    id: "addresses",
    header: "Addresses",
    width: "10rem",
    hiddenAtFirst: true,
    cell: ({ addresses }) => <span className="number">{addresses.join(", ")}</span>,
  },
  {
    id: "gap",
    header: "Protection gap",
    width: "20rem",
    hiddenAtFirst: true,
    cell: ({ protectionGap }) => protectionGap && gapWords[protectionGap],
  },
  {
    id: "labels",
    header: "Labels",
    grows: true,
    width: "5rem",
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
    width: "6.25rem",
    cell: ({ seenAt }) => <RelativeTime at={seenAt} focusable={false} />,
  },
  {
    id: "enrolledAt",
    header: "Enrolled",
    sort: "enrolledAt",
    width: "8rem",
    hiddenAtFirst: true,
    cell: ({ enrolledAt }) => <RelativeTime at={enrolledAt} focusable={false} />,
  },
];

const usual = ["hostName", "protection", "state", "tenant"];

/** The columns that tell in which way an agent's protection is not the one wanted. */
export const gapColumns = ["hostName", "protection", "tenant", "gap", "seenAt"];
export const cutOffColumns = [...usual, "version", "labels", "seenAt"];
