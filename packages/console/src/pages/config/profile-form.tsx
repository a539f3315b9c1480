import {
  Alert,
  Autocomplete,
  Button,
  Checkbox,
  Group,
  NumberInput,
  SimpleGrid,
  Stack,
  Switch,
  TagsInput,
  Text,
  TextInput,
} from "@mantine/core";
import { type FormEvent, useState } from "react";
import { api, read } from "../../api/client.ts";
import { useAction } from "../../api/use-action.ts";
import { fieldErrors, ProblemAlert } from "../../shared/problem-alert.tsx";
import { usePackages } from "../packages/use-packages.ts";
import { draftOf, type ProfileDetail, type ProfileDraft, patchOf } from "./profile-draft.ts";
import { ProtectionChange, useProtectionChange } from "./protection-change.tsx";

const fields = [
  "/name",
  "/serviceProtection/services",
  "/serviceProtection/liftSeconds",
  "/checkIn/holdMs",
  "/checkIn/afterMs",
  "/desiredVersion",
  "/cleanUpAfterDays",
];

/**
 * A profile's settings. What was typed stays when somebody else changes the profile meanwhile; saving then says so, since
 * the change names the state that it was made on (If-Match).
 */
export function ProfileForm({ profile, readOnly }: { readonly profile: ProfileDetail; readonly readOnly: boolean }) {
  const [typed, setTyped] = useState<{ readonly on: ProfileDetail; readonly draft: ProfileDraft }>();
  const base = typed?.on ?? profile;
  const draft = typed?.draft ?? draftOf(profile);
  const set = (change: Partial<ProfileDraft>) => setTyped({ on: base, draft: { ...draft, ...change } });
  const patch = patchOf(base, draft);
  const isChanged = Object.keys(patch).length > 0;
  const isOutdated = typed !== undefined && isChanged && typed.on.changedAt !== profile.changedAt;
  const [asking, setAsking] = useState(false);
  const versions = usePackages().map(({ version }) => version);
  const preview = useProtectionChange(profile.id, patch);
  const save = useAction(
    () =>
      read(
        api.PATCH("/api/v1/profiles/{id}", {
          params: { path: { id: profile.id } },
          headers: { "if-match": `"${Date.parse(base.changedAt)}"` },
          body: patch,
        }),
      ),
    {
      changes: [["profile", profile.id], ["profiles"], ["agents"], ["agent"]],
      done: "Saved. Connected agents have it within about a second.",
      onDone: () => {
        setTyped(undefined);
        setAsking(false);
      },
    },
  );
  const errorAt = fieldErrors(save.problem);
  function submit(event: FormEvent): void {
    event.preventDefault();
    if (patch.serviceProtection?.on !== undefined) setAsking(true);
    else void save.run();
  }
  return (
    <form onSubmit={submit}>
      <fieldset disabled={readOnly} style={{ border: 0, margin: 0, padding: 0, minWidth: 0 }}>
        <Stack gap="md">
          {!profile.isDefault && (
            <TextInput
              label="Name"
              value={draft.name}
              onChange={(event) => set({ name: event.currentTarget.value })}
              error={errorAt("/name")}
              maxLength={200}
              maw={420}
            />
          )}
          <Switch
            label="Service protection"
            description="On Windows, nobody can stop, disable or uninstall the agent's service."
            checked={draft.on}
            onChange={(event) => set({ on: event.currentTarget.checked })}
          />
          <SimpleGrid cols={{ base: 1, sm: 2 }} spacing="md" verticalSpacing="md">
            <NumberInput
              label="Longest lift, in minutes"
              description="Protection comes back after it, whatever a token says."
              min={1}
              max={1_440}
              value={draft.liftMinutes}
              onChange={(liftMinutes) => set({ liftMinutes })}
              error={errorAt("/serviceProtection/liftSeconds")}
            />
            <TagsInput
              label="Other services to guard"
              description="Names of other vendors' Windows services, such as Sysmon64."
              value={[...draft.services]}
              onChange={(services) => set({ services })}
              error={errorAt("/serviceProtection/services")}
            />
            <Checkbox
              label="Require a challenge"
              description="Only tokens that answer a code shown on the workload: no clock has to be right."
              checked={draft.requireChallenge}
              onChange={(event) => set({ requireChallenge: event.currentTarget.checked })}
            />
            <Checkbox
              label="Single use"
              description="The same token is refused when it is presented a second time on the same agent."
              checked={draft.singleUse}
              onChange={(event) => set({ singleUse: event.currentTarget.checked })}
            />
            <NumberInput
              label="Hold check-ins, in seconds"
              description="Empty: as is usual, about 45. 0: agents poll."
              min={0}
              max={50}
              value={draft.holdSeconds}
              onChange={(holdSeconds) => set({ holdSeconds })}
              error={errorAt("/checkIn/holdMs")}
            />
            <NumberInput
              label="Pause between check-ins, in seconds"
              description="Empty: none, or as is usual when nothing is held."
              min={0}
              value={draft.afterSeconds}
              onChange={(afterSeconds) => set({ afterSeconds })}
              error={errorAt("/checkIn/afterMs")}
            />
            <Autocomplete
              label="Desired agent version"
              description={versionHint(draft.desiredVersion, versions)}
              placeholder="1.4.2"
              data={versions}
              value={draft.desiredVersion}
              onChange={(desiredVersion) => set({ desiredVersion })}
              error={errorAt("/desiredVersion")}
            />
            <NumberInput
              label="Delete agents after days of silence"
              description="Empty: never. A tombstone stays, so that tokens can still be made."
              min={1}
              max={3_650}
              allowDecimal={false}
              value={draft.cleanUpAfterDays}
              onChange={(cleanUpAfterDays) => set({ cleanUpAfterDays })}
              error={errorAt("/cleanUpAfterDays")}
            />
          </SimpleGrid>
          {isOutdated && (
            <Alert color="yellow" title="Somebody has changed this profile meanwhile">
              What you typed is still here. Discard it to see the profile as it is now.
            </Alert>
          )}
          {!asking && <ProblemAlert problem={save.problem} fields={fields} />}
          {!readOnly && (
            <Group gap="xs">
              <Button type="submit" loading={save.running} disabled={!isChanged}>
                Save
              </Button>
              {isChanged && (
                <Button
                  variant="default"
                  onClick={() => {
                    setTyped(undefined);
                    save.reset();
                  }}
                >
                  Discard
                </Button>
              )}
              {!isChanged && (
                <Text size="sm" c="dimmed">
                  Nothing to save.
                </Text>
              )}
            </Group>
          )}
        </Stack>
      </fieldset>
      {asking && (
        <ProtectionChange
          on={draft.on}
          preview={preview}
          running={save.running}
          problem={save.problem}
          onConfirm={() => void save.run()}
          onClose={() => setAsking(false)}
        />
      )}
    </form>
  );
}

/** A version without a package is no mistake: the package may come later. */
function versionHint(typed: string, versions: readonly string[]): string {
  const version = typed.trim();
  if (version === "") return "Empty: each agent keeps the one it has.";
  if (!versions.includes(version)) return `No package of ${version} is here yet. Agents wait for it.`;
  return "Agents below it fetch it by themselves.";
}
