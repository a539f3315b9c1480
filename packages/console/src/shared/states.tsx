import { Button, Center, Code, Loader, Stack, Text, Title } from "@mantine/core";
import { type Icon, IconCloudOff, IconLock, IconMapOff, IconMoodEmpty } from "@tabler/icons-react";
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { toProblem } from "../api/problem.ts";

interface StateProps {
  readonly icon?: Icon;
  readonly title: string;
  readonly children?: ReactNode;
  /** What to do next. */
  readonly action?: ReactNode;
  /** 1 where it stands in place of a whole page. */
  readonly order?: 1 | 2 | 3;
}

/** In place of a list that has nothing: why that is so, and what to do next. */
export function EmptyState({ icon: IconOf = IconMoodEmpty, title, children, action, order = 2 }: StateProps) {
  return (
    <Center py={56} px="md">
      <Stack align="center" gap={10} maw={460}>
        <IconOf size={34} stroke={1.4} color="var(--mantine-color-dimmed)" aria-hidden />
        <Title order={order} size="h2" ta="center">
          {title}
        </Title>
        {children !== undefined && (
          <Text size="md" c="dimmed" ta="center" component="div">
            {children}
          </Text>
        )}
        {action}
      </Stack>
    </Center>
  );
}

export function LoadingState() {
  return (
    <Center py={72} role="status" aria-label="Loading">
      <Loader size="sm" />
    </Center>
  );
}

/** In place of what could not be read: what happened, and a way to try again. */
export function ErrorState({
  error,
  retry,
  order,
}: {
  readonly error: unknown;
  readonly retry?: () => void;
  readonly order?: 1 | 2 | 3;
}) {
  const { title, detail, requestId } = toProblem(error);
  return (
    <EmptyState
      icon={IconCloudOff}
      title={title}
      {...(order && { order })}
      action={
        retry && (
          <Button variant="default" onClick={retry} mt={4}>
            Try again
          </Button>
        )
      }
    >
      {detail}
      {requestId !== undefined && (
        <Text size="xs" mt={6} component="div">
          Request <Code>{requestId}</Code>
        </Text>
      )}
    </EmptyState>
  );
}

export function NotAllowedState({ title, permission }: { readonly title: string; readonly permission: string }) {
  return (
    <EmptyState icon={IconLock} title={`${title} is not open to you`} order={1}>
      None of your roles has the permission <Code>{permission}</Code>. Ask somebody who manages users to give you a role
      that has it.
    </EmptyState>
  );
}

export function NotFoundState() {
  return (
    <EmptyState
      icon={IconMapOff}
      title="There is no such page"
      order={1}
      action={
        <Button component={Link} to="/" variant="default" mt={4}>
          To the Agent List
        </Button>
      }
    >
      The address may be mistyped, or what it showed has been deleted.
    </EmptyState>
  );
}
