import { FileInput, Modal, Progress, Stack, Text } from "@mantine/core";
import { type FormEvent, useEffect, useMemo, useState } from "react";
import { useAction } from "../../api/use-action.ts";
import { DialogButtons } from "../../shared/dialog-buttons.tsx";
import { ProblemAlert } from "../../shared/problem-alert.tsx";
import { megabytes } from "./size.ts";
import { uploadPackage } from "./upload-package.ts";

/** Adds a package from a file. Its version is read by the cluster, so there is nothing to type. */
export function AddPackageDialog({ onClose }: { readonly onClose: () => void }) {
  const [file, setFile] = useState<File | null>(null);
  const [sent, setSent] = useState(0);
  const given = useMemo(() => new AbortController(), []);
  useEffect(() => () => given.abort(), [given]);
  const add = useAction((chosen: File) => uploadPackage(chosen, { onSent: setSent, signal: given.signal }), {
    changes: [["packages"], ["profiles"], ["profile"], ["agents"], ["agent"]],
    done: ({ version }) => `The package of version ${version} is there.`,
    onDone: onClose,
  });
  function submit(event: FormEvent): void {
    event.preventDefault();
    setSent(0);
    if (file !== null) void add.run(file);
  }
  const percent = file === null ? 0 : Math.min(100, Math.round((100 * sent) / file.size));
  return (
    <Modal opened onClose={onClose} title="Add a package" closeButtonProps={{ "aria-label": "Close" }}>
      <form onSubmit={submit}>
        <Stack gap="sm">
          <Text size="md">
            <code>PosternAgent.msi</code> of a release, for Windows on x64. Its version stands in it.
          </Text>
          <FileInput
            label="File"
            accept=".msi"
            value={file}
            onChange={setFile}
            disabled={add.running}
            description={file === null ? "512 MiB at most." : megabytes(file.size)}
            data-autofocus
          />
          {add.running && (
            <Stack gap={4}>
              <Progress value={percent} aria-label="Sent" animated={percent === 100} />
              <Text size="sm" c="dimmed">
                {percent < 100 ? `${percent} % sent` : "Sent. The cluster stores it and looks at it."}
              </Text>
            </Stack>
          )}
          <ProblemAlert problem={add.problem} />
          <DialogButtons running={add.running} disabled={file === null} onClose={onClose}>
            Add
          </DialogButtons>
        </Stack>
      </form>
    </Modal>
  );
}
