import { Button, Center } from "@mantine/core";
import { IconNotebook } from "@tabler/icons-react";
import { useInfiniteQuery } from "@tanstack/react-query";
import { api, read } from "../../api/client.ts";
import type { JournalEvent } from "../../api/types.ts";
import { Badge, type Tone } from "../../shared/badges.tsx";
import { RelativeTime } from "../../shared/relative-time.tsx";
import { EmptyState, ErrorState, LoadingState } from "../../shared/states.tsx";
import type { AgentTabProps } from "./agent-details-page.tsx";
import classes from "./journal-tab.module.css";
import { layerWord } from "./layers.ts";

/** What happened to the agent's protection, as it told it, newest first. */
export function JournalTab({ agent: { id } }: AgentTabProps) {
  const journal = useInfiniteQuery({
    queryKey: ["journal", "agent", id],
    queryFn: ({ pageParam }) =>
      read(
        api.GET("/api/v1/agents/{id}/journal", {
          params: { path: { id }, query: { limit: 50, ...(pageParam && { cursor: pageParam }) } },
        }),
      ),
    initialPageParam: "",
    getNextPageParam: ({ nextCursor }) => nextCursor,
  });
  if (journal.data === undefined) {
    return journal.isError ? (
      <ErrorState error={journal.error} retry={() => void journal.refetch()} />
    ) : (
      <LoadingState />
    );
  }
  const events = journal.data.pages.flatMap(({ items }) => items);
  if (events.length === 0) {
    return (
      <EmptyState icon={IconNotebook} title="The journal is empty">
        The agent delivers what happened to its protection with its check-ins.
      </EmptyState>
    );
  }
  return (
    <>
      <ol className={classes["journal"]}>
        {events.map((event) => (
          <Entry key={event.id} event={event} />
        ))}
      </ol>
      {journal.hasNextPage && (
        <Center mt="md">
          <Button variant="default" onClick={() => void journal.fetchNextPage()} loading={journal.isFetchingNextPage}>
            Show older entries
          </Button>
        </Center>
      )}
    </>
  );
}

const tones: Readonly<Record<string, Tone>> = {
  enrolled: "info",
  protection_on: "good",
  protection_off: "bad",
  redeemed: "warn",
  resumed: "warn",
  refused: "bad",
  rearmed: "good",
  drift: "bad",
  pipe_taken: "bad",
  service_left_alone: "warn",
  config_refused: "bad",
  update_started: "info",
  updated: "good",
  update_failed: "bad",
  update_refused: "warn",
};

const verdictWords = {
  unknown: "The cluster never issued this token",
  other_target: "The token was issued for somebody else",
} as const;

function Entry({ event }: { readonly event: JournalEvent }) {
  const { kind, data, at, receivedAt, forked, linked, redemption } = event;
  const details = Object.entries(data).map(([name, value]) => `${layerWord(name)} ${String(value)}`);
  return (
    <li className={classes["entry"]} data-tone={tones[kind] ?? "mute"}>
      <div className={classes["what"]}>
        <b>{word(kind)}</b>
        {redemption !== null && redemption !== "issued" && <Badge tone="bad">{verdictWords[redemption]}</Badge>}
        {forked && (
          <Badge tone="bad" hint="Another entry with this place in the journal was delivered too.">
            Forked
          </Badge>
        )}
        {!linked && (
          <Badge tone="warn" hint="It does not follow the entry that was delivered before it.">
            Not linked
          </Badge>
        )}
        {details.length > 0 && <span className={classes["data"]}>{details.join(" · ")}</span>}
      </div>
      <div className={classes["when"]}>
        <RelativeTime at={at} />
        <span>
          received <RelativeTime at={receivedAt} />
        </span>
      </div>
    </li>
  );
}

function word(kind: string): string {
  const text = layerWord(kind);
  return text.charAt(0).toUpperCase() + text.slice(1);
}
