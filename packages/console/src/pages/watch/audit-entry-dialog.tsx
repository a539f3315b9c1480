import { Code, Modal, Stack, Table } from "@mantine/core";
import type { ReactNode } from "react";
import type { Item } from "../../api/types.ts";
import { useTenantName } from "../../app/tenant.ts";
import { CopyButton } from "../../shared/copy-button.tsx";
import { ExactTime } from "../../shared/relative-time.tsx";
import { outcomeNames } from "./audit-words.ts";

/** Everything that one entry says. */
export function AuditEntryDialog({
  entry,
  onClose,
}: {
  readonly entry: Item<"/api/v1/audit">;
  readonly onClose: () => void;
}) {
  const tenantName = useTenantName();
  const { who, from, target, details } = entry;
  const rows: readonly (readonly [string, ReactNode])[] = [
    ["When", <ExactTime key="when" at={entry.at} />],
    ["Who", `${who.name} (${who.kind}${who.id === null ? "" : ` ${who.id}`})`],
    ["From", from.address ?? "The cluster itself"],
    ["Request", from.requestId ?? "–"],
    ["Outcome", outcomeNames[entry.outcome]],
    ["On", target === null ? "–" : [target.kind, target.name, target.id].filter(Boolean).join(" ")],
    ["Why", entry.why ?? "–"],
    ["Chain", entry.tenantId === null ? "The cluster" : tenantName(entry.tenantId)],
    ["Number in the chain", entry.seq.toLocaleString("en")],
    ["Hash", <Code key="hash">{entry.hash}</Code>],
  ];
  return (
    <Modal opened onClose={onClose} title={entry.action} size="lg" closeButtonProps={{ "aria-label": "Close" }}>
      <Stack gap="sm">
        <Table withRowBorders={false} verticalSpacing={3} horizontalSpacing={0}>
          <Table.Tbody>
            {rows.map(([name, value]) => (
              <Table.Tr key={name}>
                <Table.Th scope="row" w={150} c="dimmed" style={{ fontWeight: 500, verticalAlign: "top" }}>
                  {name}
                </Table.Th>
                <Table.Td className="breakable">{value}</Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
        {Object.keys(details).length > 0 && (
          <Code block tabIndex={0} aria-label="Details">
            {JSON.stringify(details, null, 2)}
          </Code>
        )}
        <div>
          <CopyButton text={JSON.stringify(entry, null, 2)} what="the entry">
            Copy as JSON
          </CopyButton>
        </div>
      </Stack>
    </Modal>
  );
}
