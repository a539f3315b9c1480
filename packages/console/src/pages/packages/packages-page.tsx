import { Button, Menu, Text } from "@mantine/core";
import { IconDownload, IconPlus, IconTrash } from "@tabler/icons-react";
import { lazy, Suspense, useState } from "react";
import { api, read } from "../../api/client.ts";
import { useMay } from "../../api/session.ts";
import type { Item } from "../../api/types.ts";
import { useAction } from "../../api/use-action.ts";
import { Confirm } from "../../shared/confirm.tsx";
import { CopyButton } from "../../shared/copy-button.tsx";
import { download } from "../../shared/download.ts";
import type { Column } from "../../shared/list/column.ts";
import { DataTable } from "../../shared/list/data-table.tsx";
import { useList } from "../../shared/list/use-list.ts";
import { PageHeader } from "../../shared/page-header.tsx";
import { RelativeTime } from "../../shared/relative-time.tsx";
import { EmptyState } from "../../shared/states.tsx";
import { packagesPage } from "./pages.ts";
import { megabytes } from "./size.ts";
import { packageFileName } from "./use-packages.ts";

const AddPackageDialog = lazy(async () => ({ default: (await import("./add-package-dialog.tsx")).AddPackageDialog }));

type AgentPackage = Item<"/api/v1/agent-packages">;

const columns: readonly Column<AgentPackage>[] = [
  {
    id: "version",
    header: "Version",
    sort: "version",
    fixed: true,
    width: "7rem",
    cell: ({ version }) => <span className="number">{version}</span>,
  },
  { id: "for", header: "For", width: "9rem", cell: ({ arch }) => `Windows, ${arch}` },
  {
    id: "size",
    header: "Size",
    width: "6rem",
    align: "end",
    cell: ({ size }) => <span className="number">{megabytes(size)}</span>,
  },
  {
    id: "sha256",
    header: "SHA-256",
    grows: true,
    width: "14rem",
    cell: ({ sha256 }) => (
      <span className="number" data-hint={sha256}>
        {sha256.slice(0, 16)}… <CopyButton text={sha256} what="the SHA-256" />
      </span>
    ),
  },
  { id: "addedBy", header: "Added by", width: "9rem", cell: ({ addedBy }) => addedBy.name },
  {
    id: "addedAt",
    header: "Added",
    sort: "addedAt",
    width: "9rem",
    cell: ({ addedAt }) => <RelativeTime at={addedAt} focusable={false} />,
  },
];

export function PackagesPage() {
  const may = useMay();
  const [adding, setAdding] = useState(false);
  const [removing, setRemoving] = useState<AgentPackage>();
  const list = useList({
    name: "packages",
    filters: {},
    sortFields: ["version", "addedAt"],
    defaultSort: "-version",
    load: (request) => read(api.GET("/api/v1/agent-packages", { params: { query: request } })),
  });
  const fetchFile = useAction((one: AgentPackage) =>
    download(`/api/v1/agent-packages/${one.id}/download`, packageFileName(one)),
  );
  const mayManage = may.everywhere("package.manage");
  const add = mayManage && (
    <Button leftSection={<IconPlus size={16} aria-hidden />} onClick={() => setAdding(true)}>
      Add a package
    </Button>
  );
  return (
    <>
      <PageHeader page={packagesPage} actions={add}>
        The files with which agents are installed and updated. An agent fetches the version that its profile wants.
      </PageHeader>
      <DataTable
        label="Packages"
        list={list}
        columns={columns}
        rowId={({ id }) => id}
        rowName={({ version }) => `version ${version}`}
        rowMenu={(one) => (
          <>
            <Menu.Item leftSection={<IconDownload size={16} aria-hidden />} onClick={() => void fetchFile.run(one)}>
              Download
            </Menu.Item>
            {mayManage && (
              <Menu.Item color="red" leftSection={<IconTrash size={16} aria-hidden />} onClick={() => setRemoving(one)}>
                Remove
              </Menu.Item>
            )}
          </>
        )}
        empty={
          <EmptyState title="There is no package yet" action={add}>
            Until there is one, agents stay of the version that they have, whatever their profile wants.
          </EmptyState>
        }
      />
      {adding && (
        <Suspense>
          <AddPackageDialog onClose={() => setAdding(false)} />
        </Suspense>
      )}
      {removing && <RemovePackage of={removing} onClose={() => setRemoving(undefined)} />}
    </>
  );
}

/** Where profiles want the version, it asks once more, and names them. */
function RemovePackage({ of: { id, version }, onClose }: { readonly of: AgentPackage; readonly onClose: () => void }) {
  const remove = useAction(
    (force: boolean) =>
      api.DELETE("/api/v1/agent-packages/{id}", { params: { path: { id }, query: force ? { force } : {} } }),
    {
      changes: [["packages"], ["profiles"], ["profile"], ["agents"], ["agent"]],
      done: `The package of version ${version} is removed.`,
      onDone: onClose,
    },
  );
  const isWanted = remove.problem?.code === "package_wanted";
  return (
    <Confirm
      title={`Remove the package of version ${version}?`}
      verb={isWanted ? "Remove it all the same" : "Remove"}
      dangerous
      running={remove.running}
      problem={isWanted ? undefined : remove.problem}
      onConfirm={() => void remove.run(isWanted)}
      onClose={onClose}
    >
      <Text size="md">
        {isWanted
          ? `${remove.problem?.detail ?? ""} Agents that are not of that version yet will wait for a package.`
          : "Nobody installs or updates an agent with it any more. Agents stay of the version that they have."}
      </Text>
    </Confirm>
  );
}
