import { Button } from "@mantine/core";
import { IconDownload } from "@tabler/icons-react";
import { useAction } from "../../api/use-action.ts";
import { download } from "../../shared/download.ts";
import { ProblemAlert } from "../../shared/problem-alert.tsx";
import { megabytes } from "./size.ts";
import { packageFileName, usePackages } from "./use-packages.ts";

/** Gets the newest package, for who is about to install an agent; nothing where there is none. */
export function NewestPackage() {
  const [newest] = usePackages();
  const get = useAction((one: { readonly id: string; readonly version: string }) =>
    download(`/api/v1/agent-packages/${one.id}/download`, packageFileName(one)),
  );
  if (newest === undefined) return null;
  return (
    <>
      <Button
        variant="default"
        leftSection={<IconDownload size={16} aria-hidden />}
        loading={get.running}
        onClick={() => void get.run(newest)}
      >
        Download the package {newest.version} ({megabytes(newest.size)})
      </Button>
      <ProblemAlert problem={get.problem} />
    </>
  );
}
