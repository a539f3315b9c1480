import { Button, Group, Modal, Stack, Table, Text, Textarea } from "@mantine/core";
import { type FormEvent, useState } from "react";
import { api, read } from "../../api/client.ts";
import { useMay } from "../../api/session.ts";
import type { Item } from "../../api/types.ts";
import { useAction } from "../../api/use-action.ts";
import { fieldErrors, ProblemAlert } from "../../shared/problem-alert.tsx";
import { ExactTime } from "../../shared/relative-time.tsx";
import { count } from "../../shared/words.ts";
import { Severity } from "./alarms-page.tsx";

type Alarm = Item<"/api/v1/alarms">;

const minComment = 3;

/** What happened, what to do, who has looked at it; and the word with which one says that one has. */
export function AlarmDialog({ alarm, onClose }: { readonly alarm: Alarm; readonly onClose: () => void }) {
  const may = useMay();
  const open = alarm.state === "open" && may("alarm.acknowledge", alarm.tenant?.id);
  return (
    <Modal opened onClose={onClose} title={alarm.title} size="lg" closeButtonProps={{ "aria-label": "Close" }}>
      <Stack gap="sm">
        <Group gap="sm">
          <Severity of={alarm.severity} />
          <Text size="md">
            {alarm.agent?.hostName ?? "The cluster"}
            {alarm.tenant && ` in ${alarm.tenant.name}`}
          </Text>
        </Group>
        <Text size="md">{alarm.advice}</Text>
        <Facts alarm={alarm} />
        {open ? (
          <Acknowledge alarm={alarm} onClose={onClose} />
        ) : (
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose}>
              Close
            </Button>
          </Group>
        )}
      </Stack>
    </Modal>
  );
}

function Facts({ alarm }: { readonly alarm: Alarm }) {
  const { raisedAt, lastAt, resolvedAt, acknowledged, data } = alarm;
  return (
    <Table withRowBorders={false} verticalSpacing={3} horizontalSpacing={0}>
      <Table.Tbody>
        <Fact name="Since">
          <ExactTime at={raisedAt} />
        </Fact>
        {alarm.count > 1 && (
          <Fact name="Last">
            <ExactTime at={lastAt} />, {count(alarm.count, "time")} in all
          </Fact>
        )}
        {Object.entries(data).map(([name, value]) => (
          <Fact key={name} name={factNames[name] ?? wordsOf(name)}>
            <span className="breakable">
              {typeof value === "string" && isTime.test(value) ? <ExactTime at={value} /> : String(value ?? "–")}
            </span>
          </Fact>
        ))}
        {acknowledged && (
          <Fact name="Acknowledged">
            {acknowledged.by.name}, <ExactTime at={acknowledged.at} />: {acknowledged.comment}
          </Fact>
        )}
        {resolvedAt !== null && (
          <Fact name="Resolved">
            <ExactTime at={resolvedAt} />
          </Fact>
        )}
      </Table.Tbody>
    </Table>
  );
}

function Fact({ name, children }: { readonly name: string; readonly children: React.ReactNode }) {
  return (
    <Table.Tr>
      <Table.Th scope="row" w={140} style={{ fontWeight: 500, verticalAlign: "top" }} c="dimmed">
        {name}
      </Table.Th>
      <Table.Td>{children}</Table.Td>
    </Table.Tr>
  );
}

function Acknowledge({ alarm, onClose }: { readonly alarm: Alarm; readonly onClose: () => void }) {
  const [comment, setComment] = useState("");
  const acknowledge = useAction(
    () =>
      read(
        api.POST("/api/v1/alarms/{id}/acknowledge", {
          params: { path: { id: alarm.id } },
          // As it was seen: one that has happened again meanwhile is looked at again.
          headers: { "if-match": `"${Date.parse(alarm.changedAt)}"` },
          body: { comment },
        }),
      ),
    { changes: [["alarms"]], done: "The alarm is acknowledged.", onDone: onClose },
  );
  function submit(event: FormEvent): void {
    event.preventDefault();
    void acknowledge.run();
  }
  return (
    <form onSubmit={submit}>
      <Stack gap="sm">
        <Textarea
          label="What did you find out, or do?"
          description={
            alarm.lasts
              ? "It stands in the audit log. The alarm stays until what it is about has ended."
              : "It stands in the audit log and settles the alarm. The next occurrence is another one."
          }
          value={comment}
          onChange={(event) => setComment(event.currentTarget.value)}
          error={fieldErrors(acknowledge.problem)("/comment")}
          minRows={2}
          maxLength={500}
          data-autofocus
        />
        <ProblemAlert problem={acknowledge.problem} fields={["/comment"]} />
        <Group justify="flex-end" gap="xs">
          <Button variant="default" onClick={onClose}>
            Close
          </Button>
          <Button type="submit" loading={acknowledge.running} disabled={comment.trim().length < minComment}>
            Acknowledge
          </Button>
        </Group>
      </Stack>
    </form>
  );
}

/** A time as the API writes it. */
const isTime = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$/;

/** What the journal calls `seq` says nothing to people. */
const factNames: Readonly<Record<string, string>> = { seq: "Journal entry" };

/** `budgetLeft` as people read it: "Budget left". */
function wordsOf(name: string): string {
  const words = name
    .replaceAll("_", " ")
    .replace(/([a-z])([A-Z])/g, (_, before, after) => `${before} ${after.toLowerCase()}`);
  return words.charAt(0).toUpperCase() + words.slice(1);
}
