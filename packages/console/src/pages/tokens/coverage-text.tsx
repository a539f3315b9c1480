import { List, Skeleton, Text } from "@mantine/core";
import type { UseQueryResult } from "@tanstack/react-query";
import { toProblem } from "../../api/problem.ts";
import type { TokenKind, TokenPreview } from "../../api/types.ts";
import { count } from "../../shared/words.ts";
import classes from "./tokens.module.css";

type Coverage = TokenPreview["coverage"];
type Reason = Coverage["notReached"][number]["reason"];

/** Why agents will not accept a token, and what can be done about it. */
const reasonWords: Record<Reason, string> = {
  key_not_acknowledged: "have not told the cluster yet which keys they hold; it may work",
  key_withdrawn: "hold only keys that sign nothing any more; they must connect first",
  other_key_held: "hold an older token key; a token for each of them alone will work",
  challenge_required: "accept only a token that answers a challenge; make one for each of them",
};

/** Whom a token will reach, before it is made. */
export function CoverageText({
  kind,
  preview,
  hostName,
}: {
  readonly kind: TokenKind;
  readonly preview: Pick<UseQueryResult<TokenPreview>, "data" | "error" | "isPending" | "fetchStatus">;
  readonly hostName: string | undefined;
}) {
  if (preview.data !== undefined)
    return <CoverageWords kind={kind} coverage={preview.data.coverage} hostName={hostName} />;
  if (preview.error !== null) {
    return (
      <Text size="sm" c="dimmed" role="status">
        Whom it will reach cannot be told: {toProblem(preview.error).detail}
      </Text>
    );
  }
  return preview.fetchStatus === "idle" ? null : <Skeleton height={40} radius={6} />;
}

export function CoverageWords({
  kind,
  coverage: { agents, reached, notReached },
  hostName,
}: {
  readonly kind: TokenKind;
  readonly coverage: Coverage;
  readonly hostName: string | undefined;
}) {
  const tone = reached === 0 ? "bad" : notReached.length > 0 ? "warn" : "good";
  const [why] = notReached;
  return (
    <div className={classes["coverage"]} data-tone={tone} role="status">
      {kind === "agent" ? (
        <span>
          {why === undefined ? (
            <>
              <b>{hostName ?? "The agent"}</b> will accept it.
            </>
          ) : (
            oneAgentWords[why.reason]
          )}
        </span>
      ) : (
        <>
          <span>
            {agents === 0 ? (
              "No Windows agent is in its reach."
            ) : (
              <>
                Reaches <b>{count(reached, "Windows agent")}</b>
                {reached < agents && <>; {(agents - reached).toLocaleString("en")} will not accept it:</>}
                {reached === agents && "."}
              </>
            )}
          </span>
          {notReached.length > 0 && (
            <List size="sm" mt={4}>
              {notReached.map(({ reason, count: number }) => (
                <List.Item key={reason}>
                  {number.toLocaleString("en")} {reasonWords[reason]}
                </List.Item>
              ))}
            </List>
          )}
        </>
      )}
    </div>
  );
}

const oneAgentWords: Record<Reason, string> = {
  key_not_acknowledged: "This agent has not told the cluster yet which keys it holds; the token may work.",
  key_withdrawn:
    "This agent holds only keys that sign nothing any more. It must connect once before a token reaches it.",
  other_key_held: "This agent holds an older token key, and the token will be signed with that one.",
  challenge_required:
    "This agent accepts only a token that answers a challenge: get one on the workload, and type it above.",
};
