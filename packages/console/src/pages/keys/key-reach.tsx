import { List, Stack, Text } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { count } from "../../shared/words.ts";
import { agentPath } from "../agents/pages.ts";
import type { KeyReach } from "./key-words.ts";

/** Who holds a key, and whom its loss would strand. */
export function KeyReachView({ reach }: { readonly reach: KeyReach }) {
  return (
    <Stack gap="xs">
      <Text size="md">
        Held by {reach.holding.toLocaleString("en")} of {count(reach.agents, "agent")}.
      </Text>
      <Named
        group={reach.notHolding}
        words="do not hold it yet: they have not acknowledged a trust bundle that has it."
      />
      <Named
        group={reach.stranded}
        words="would be stranded without it: no token would reach them until they have been connected."
      />
    </Stack>
  );
}

function Named({ group, words }: { readonly group: KeyReach["stranded"]; readonly words: string }) {
  if (group.count === 0) return null;
  const more = group.count - group.agents.length;
  return (
    <div>
      <Text size="md">
        {group.count.toLocaleString("en")} {words}
      </Text>
      <List size="md" mt={4}>
        {group.agents.slice(0, shown).map(({ id, hostName, tenant }) => (
          <List.Item key={id}>
            <Link to={agentPath(id)} className="link">
              {hostName}
            </Link>{" "}
            of {tenant.name}
          </List.Item>
        ))}
        {more + Math.max(0, group.agents.length - shown) > 0 && (
          <List.Item>and {(group.count - Math.min(shown, group.agents.length)).toLocaleString("en")} more</List.Item>
        )}
      </List>
    </div>
  );
}

const shown = 10;
