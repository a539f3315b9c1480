import { Button, Group, Stack, Tabs, Text } from "@mantine/core";
import type { Made } from "../../api/types.ts";
import { CommandLine } from "../../shared/command-line.tsx";
import { ExactTime } from "../../shared/relative-time.tsx";
import { count } from "../../shared/words.ts";
import { NewestPackage } from "../packages/newest-package.tsx";
import { packageFileName, usePackages } from "../packages/use-packages.ts";
import { Arrival } from "./arrival.tsx";

const program = '"C:\\Program Files\\Postern\\PosternAgent.exe"';

/** The key, shown this once; what to run on the workload; and a word when the agent has arrived. */
export function InstallCommands({
  made,
  onClose,
}: {
  readonly made: Made<"/api/v1/activation-keys">;
  readonly onClose: () => void;
}) {
  const cluster = window.location.origin;
  const [newest] = usePackages();
  const file = newest === undefined ? "PosternAgent.msi" : packageFileName(newest);
  return (
    <Stack gap="sm">
      <Text size="md">
        The activation key, shown this once: good for {count(made.maxUses, "agent")}, until{" "}
        <ExactTime at={made.expiresAt} />.
      </Text>
      <CommandLine command={made.key} what="the activation key" />
      <Tabs defaultValue="windows" keepMounted={false}>
        <Tabs.List>
          <Tabs.Tab value="windows">Windows</Tabs.Tab>
          <Tabs.Tab value="powershell">PowerShell</Tabs.Tab>
          <Tabs.Tab value="linux">Linux</Tabs.Tab>
        </Tabs.List>
        <Tabs.Panel value="windows" pt="sm">
          <Stack gap="xs">
            <NewestPackage />
            <Text size="md">
              As an administrator, in PowerShell, where <code>{file}</code> lies:
            </Text>
            <CommandLine command={`Start-Process -Wait msiexec '/i ${file} /qn /l*v postern.log'`} />
            <CommandLine command={`& ${program} -enroll -cluster ${cluster} -key -`} />
            <Text size="sm" c="dimmed">
              On many machines, without anybody there: put the key into a file, and add{" "}
              <code>CLUSTER={cluster} ACTIVATIONKEYFILE=C:\key.txt</code> to what msiexec is given; then the second
              command is not needed.
            </Text>
          </Stack>
        </Tabs.Panel>
        <Tabs.Panel value="powershell" pt="sm">
          <Stack gap="xs">
            <Text size="md">
              As an administrator, where <code>Install-PosternAgent.ps1</code> and <code>{file}</code> lie:
            </Text>
            <CommandLine command="$key = Read-Host -AsSecureString 'Activation key'" />
            <CommandLine
              command={`.\\Install-PosternAgent.ps1 -Package .\\${file} -Cluster ${cluster} -ActivationKey $key`}
            />
            <Text size="sm" c="dimmed">
              <code>-ActivationKeyFile</code> takes it from a file instead; <code>-WhatIf</code> only says what would be
              done.
            </Text>
          </Stack>
        </Tabs.Panel>
        <Tabs.Panel value="linux" pt="sm">
          <Stack gap="xs">
            <Text size="md">
              In <code>packages/agent</code> of the project; there is no service protection on Linux, and the agent says
              so:
            </Text>
            <CommandLine command="npx node src/main.ts -service -data /var/lib/postern-agent &" />
            <CommandLine
              command={`npx node src/main.ts -data /var/lib/postern-agent -enroll -cluster ${cluster} -key -`}
            />
          </Stack>
        </Tabs.Panel>
      </Tabs>
      <Text size="sm" c="dimmed">
        The key is asked for: paste it there and press Enter, so that it stays out of histories and process lists.
      </Text>
      <Arrival activationKeyId={made.id} tenantId={made.tenantId} />
      <Group justify="flex-end">
        <Button variant="default" onClick={onClose}>
          Done
        </Button>
      </Group>
    </Stack>
  );
}
