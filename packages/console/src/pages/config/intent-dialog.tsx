import { Modal, MultiSelect, Select, Stack, TagsInput, TextInput } from "@mantine/core";
import { type FormEvent, useState } from "react";
import { api, read } from "../../api/client.ts";
import { useAction } from "../../api/use-action.ts";
import { DialogButtons } from "../../shared/dialog-buttons.tsx";
import { fieldErrors, ProblemAlert } from "../../shared/problem-alert.tsx";
import { platformNames } from "../../shared/words.ts";
import { IntentPreview } from "./intent-preview.tsx";
import type { Intent, IntentFilter, NamedProfile } from "./use-intents.ts";

type Platform = NonNullable<IntentFilter["platforms"]>[number];

const fields = ["/name", "/profileId", "/filter/platforms", "/filter/hostName", "/filter/labels", "/filter/addresses"];

/** Makes an intent at the end of the list, or changes the one that is given; says before saving which agents that moves. */
export function IntentDialog({
  tenantId,
  intent,
  intents,
  profiles,
  labels: knownLabels,
  onClose,
}: {
  readonly tenantId: string;
  readonly intent?: Intent;
  readonly intents: readonly Intent[];
  readonly profiles: readonly NamedProfile[];
  /** Labels that agents of the tenant have. */
  readonly labels: readonly string[];
  readonly onClose: () => void;
}) {
  const [name, setName] = useState(intent?.name ?? "");
  const [profileId, setProfileId] = useState(intent?.profileId);
  const [platforms, setPlatforms] = useState<readonly string[]>(intent?.filter.platforms ?? []);
  const [hostName, setHostName] = useState(intent?.filter.hostName ?? "");
  const [labels, setLabels] = useState<readonly string[]>(intent?.filter.labels ?? []);
  const [addresses, setAddresses] = useState<readonly string[]>(intent?.filter.addresses ?? []);
  const filter: IntentFilter = {
    ...(platforms.length > 0 && { platforms: platforms as Platform[] }),
    ...(hostName.trim() !== "" && { hostName: hostName.trim() }),
    ...(labels.length > 0 && { labels: [...labels] }),
    ...(addresses.length > 0 && { addresses: [...addresses] }),
  };
  const save = useAction(
    () =>
      intent === undefined
        ? read(
            api.POST("/api/v1/intents", { body: { tenantId, name: name.trim(), profileId: profileId ?? "", filter } }),
          )
        : read(
            api.PATCH("/api/v1/intents/{id}", {
              params: { path: { id: intent.id } },
              headers: { "if-match": `"${Date.parse(intent.changedAt)}"` },
              body: {
                name: name.trim(),
                ...(profileId !== undefined && { profileId }),
                filter: { ...nothing, ...filter },
              },
            }),
          ),
    {
      changes: [["intents"], ["agents"], ["agent"], ["agent-facets"]],
      done: (saved) => `The intent ${saved.name} is in force.`,
      onDone: onClose,
    },
  );
  const errorAt = fieldErrors(save.problem);
  const planned =
    profileId === undefined
      ? undefined
      : intent === undefined
        ? [...intents, { profileId, filter }]
        : intents.map((one) => (one.id === intent.id ? { profileId, filter } : one));
  const ready = name.trim() !== "" && profileId !== undefined;
  function submit(event: FormEvent): void {
    event.preventDefault();
    if (ready) void save.run();
  }
  return (
    <Modal
      opened
      onClose={onClose}
      title={intent === undefined ? "Create an intent" : `Change ${intent.name}`}
      size="lg"
      closeButtonProps={{ "aria-label": "Close" }}
    >
      <form onSubmit={submit}>
        <Stack gap="sm">
          <TextInput
            label="Name"
            value={name}
            onChange={(event) => setName(event.currentTarget.value)}
            error={errorAt("/name")}
            maxLength={200}
            autoComplete="off"
            data-autofocus
          />
          <MultiSelect
            label="Platforms"
            description="One of these; empty: any."
            data={Object.entries(platformNames).map(([value, label]) => ({ value, label }))}
            value={[...platforms]}
            onChange={setPlatforms}
            error={errorAt("/filter/platforms")}
          />
          <TextInput
            label="Host name"
            description="A pattern for the whole name: * stands for any text, ? for one character. Empty: any."
            placeholder="ws-*"
            value={hostName}
            onChange={(event) => setHostName(event.currentTarget.value)}
            error={errorAt("/filter/hostName")}
            maxLength={255}
          />
          <TagsInput
            label="Labels"
            description="All of these; empty: any."
            data={[...knownLabels]}
            value={[...labels]}
            onChange={setLabels}
            error={errorAt("/filter/labels")}
          />
          <TagsInput
            label="Addresses"
            description="An address in one of these ranges, such as 10.0.0.0/8; empty: any."
            value={[...addresses]}
            onChange={setAddresses}
            error={errorAt("/filter/addresses")}
          />
          <Select
            label="Profile"
            placeholder="Choose a profile"
            data={profiles.map((profile) => ({
              value: profile.id,
              label: `${profile.name} (protection ${profile.serviceProtection.on ? "on" : "off"})`,
            }))}
            value={profileId ?? null}
            onChange={(value) => value && setProfileId(value)}
            error={errorAt("/profileId")}
            allowDeselect={false}
          />
          {planned && <IntentPreview tenantId={tenantId} intents={planned} profiles={profiles} />}
          <ProblemAlert problem={save.problem} fields={fields} />
          <DialogButtons running={save.running} disabled={!ready} onClose={onClose}>
            {intent === undefined ? "Create" : "Save"}
          </DialogButtons>
        </Stack>
      </form>
    </Modal>
  );
}

/** A change takes away what the form leaves empty (RFC 7396). */
const nothing = { platforms: null, hostName: null, labels: null, addresses: null };
