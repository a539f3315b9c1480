import { Group, Text, Title } from "@mantine/core";
import type { ReactNode } from "react";
import type { Page } from "../app/page.ts";

/** The trail, the title, and on the right what one can do on the whole page. */
export function PageHeader({
  page: { trail, title },
  name,
  after,
  actions,
  children,
}: {
  readonly page: Page;
  /** Of the one thing that the page shows; it takes the title's place, which goes to the end of the trail. */
  readonly name?: ReactNode;
  /** Badges behind the title. */
  readonly after?: ReactNode;
  readonly actions?: ReactNode;
  /** A sentence under the title: what this is for. */
  readonly children?: ReactNode;
}) {
  const words = name === undefined ? trail : [...trail, title];
  return (
    <Group component="header" justify="space-between" align="flex-end" gap="sm" mb="md">
      <div style={{ minWidth: 0 }}>
        {words.length > 0 && (
          <Text size="xs" c="dimmed" mb={2}>
            {words.join(" › ")}
          </Text>
        )}
        <Group gap="sm">
          <Title order={1} className="breakable">
            {name ?? title}
          </Title>
          {after}
        </Group>
        {children !== undefined && (
          <Text size="md" c="dimmed" mt={4} maw={760} component="div">
            {children}
          </Text>
        )}
      </div>
      {actions !== undefined && <Group gap="xs">{actions}</Group>}
    </Group>
  );
}
