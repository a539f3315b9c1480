import {
  closestCenter,
  DndContext,
  type DragEndEvent,
  KeyboardSensor,
  PointerSensor,
  useSensor,
  useSensors,
} from "@dnd-kit/core";
import {
  arrayMove,
  SortableContext,
  sortableKeyboardCoordinates,
  useSortable,
  verticalListSortingStrategy,
} from "@dnd-kit/sortable";
import { CSS } from "@dnd-kit/utilities";
import { ActionIcon, Button, Group, Stack, Text } from "@mantine/core";
import { IconGripVertical, IconPencil, IconTrash } from "@tabler/icons-react";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { api, read } from "../../api/client.ts";
import { useAction } from "../../api/use-action.ts";
import { Confirm } from "../../shared/confirm.tsx";
import { ProblemAlert } from "../../shared/problem-alert.tsx";
import { IntentDialog } from "./intent-dialog.tsx";
import classes from "./intent-list.module.css";
import { IntentPreview } from "./intent-preview.tsx";
import { profilePath } from "./pages.ts";
import { Switched } from "./profiles-page.tsx";
import { filterWords, type Intent, type NamedProfile } from "./use-intents.ts";

interface IntentListProps {
  readonly tenantId: string;
  readonly intents: readonly Intent[];
  /** Of the list as it was read: an order is saved only on top of that. */
  readonly etag: string | undefined;
  readonly profiles: readonly NamedProfile[];
  readonly labels: readonly string[];
  readonly mayManage: boolean;
}

/** The list in its order. Dragged by pointer or keyboard into another one, which is saved after a look at what it does. */
export function IntentList({ tenantId, intents, etag, profiles, labels, mayManage }: IntentListProps) {
  const [draft, setDraft] = useState<readonly string[]>();
  const [changing, setChanging] = useState<Intent>();
  const [deleting, setDeleting] = useState<Intent>();
  const saved = intents.map(({ id }) => id);
  // What came or went meanwhile ends the draft's meaning.
  const order = draft !== undefined && [...draft].sort().join() === [...saved].sort().join() ? draft : saved;
  const ordered = order.flatMap((id) => intents.find((intent) => intent.id === id) ?? []);
  const isMoved = order.join() !== saved.join();
  const changes = [["intents"], ["agents"], ["agent"], ["agent-facets"]];
  const save = useAction(
    () =>
      read(
        api.PUT("/api/v1/intents/order", {
          body: { tenantId, intentIds: [...order] },
          ...(etag !== undefined && { headers: { "if-match": etag } }),
        }),
      ),
    { changes, done: "The new order is in force.", onDone: () => setDraft(undefined) },
  );
  const remove = useAction(({ id }: Intent) => api.DELETE("/api/v1/intents/{id}", { params: { path: { id } } }), {
    changes,
    done: (_, { name }) => `The intent ${name} is deleted.`,
    onDone: () => setDeleting(undefined),
  });
  const sensors = useSensors(
    useSensor(PointerSensor, { activationConstraint: { distance: 4 } }),
    useSensor(KeyboardSensor, { coordinateGetter: sortableKeyboardCoordinates }),
  );
  function drop({ active, over }: DragEndEvent): void {
    if (!over || active.id === over.id) return;
    setDraft(arrayMove([...order], order.indexOf(String(active.id)), order.indexOf(String(over.id))));
  }
  return (
    <Stack gap="sm">
      <DndContext sensors={sensors} collisionDetection={closestCenter} onDragEnd={drop}>
        <SortableContext items={[...order]} strategy={verticalListSortingStrategy}>
          <ol className={classes["list"]}>
            {ordered.map((intent, index) => (
              <Row
                key={intent.id}
                intent={intent}
                number={index + 1}
                profile={profiles.find(({ id }) => id === intent.profileId)}
                mayManage={mayManage}
                onChange={() => setChanging(intent)}
                onDelete={() => setDeleting(intent)}
              />
            ))}
          </ol>
        </SortableContext>
      </DndContext>
      {isMoved && (
        <Stack gap="sm" className={classes["pending"] ?? ""}>
          <Text size="md" fw={600}>
            The new order is not saved yet.
          </Text>
          <IntentPreview tenantId={tenantId} intents={ordered} profiles={profiles} />
          <ProblemAlert problem={save.problem} />
          <Group gap="xs">
            <Button loading={save.running} onClick={() => void save.run()}>
              Save the order
            </Button>
            <Button
              variant="default"
              onClick={() => {
                setDraft(undefined);
                save.reset();
              }}
            >
              Discard
            </Button>
          </Group>
        </Stack>
      )}
      {changing && (
        <IntentDialog
          tenantId={tenantId}
          intent={changing}
          intents={intents}
          profiles={profiles}
          labels={labels}
          onClose={() => setChanging(undefined)}
        />
      )}
      {deleting && (
        <Confirm
          title={`Delete ${deleting.name}?`}
          verb="Delete"
          dangerous
          running={remove.running}
          problem={remove.problem}
          onConfirm={() => void remove.run(deleting)}
          onClose={() => setDeleting(undefined)}
        >
          <IntentPreview
            tenantId={tenantId}
            intents={intents.filter(({ id }) => id !== deleting.id)}
            profiles={profiles}
          />
        </Confirm>
      )}
    </Stack>
  );
}

function Row({
  intent,
  number,
  profile,
  mayManage,
  onChange,
  onDelete,
}: {
  readonly intent: Intent;
  readonly number: number;
  readonly profile: NamedProfile | undefined;
  readonly mayManage: boolean;
  readonly onChange: () => void;
  readonly onDelete: () => void;
}) {
  const { attributes, listeners, setNodeRef, setActivatorNodeRef, transform, transition, isDragging } = useSortable({
    id: intent.id,
    disabled: !mayManage,
  });
  return (
    <li
      ref={setNodeRef}
      className={classes["row"]}
      data-dragging={isDragging || undefined}
      style={{ transform: CSS.Translate.toString(transform), transition }}
    >
      {mayManage && (
        <ActionIcon
          ref={setActivatorNodeRef}
          variant="subtle"
          color="gray"
          className={classes["grip"] ?? ""}
          {...attributes}
          {...listeners}
          aria-label={`Move ${intent.name}: Space, then the arrow keys`}
        >
          <IconGripVertical size={17} aria-hidden />
        </ActionIcon>
      )}
      <span className={`${classes["number"]} number`}>{number}</span>
      <div className={classes["words"]}>
        <Text size="md" fw={600} className="breakable">
          {intent.name}
        </Text>
        <Text size="sm" c="dimmed" className="breakable">
          {filterWords(intent.filter)}
        </Text>
      </div>
      <div className={classes["profile"]}>
        {profile ? (
          <>
            <Link to={profilePath(profile.id)} className="link">
              {profile.name}
            </Link>
            <Switched on={profile.serviceProtection.on} />
          </>
        ) : (
          intent.profileId
        )}
      </div>
      {mayManage && (
        <Group gap={4} wrap="nowrap">
          <ActionIcon
            variant="subtle"
            color="gray"
            aria-label={`Change ${intent.name}`}
            data-hint="Change"
            onClick={onChange}
          >
            <IconPencil size={16} aria-hidden />
          </ActionIcon>
          <ActionIcon
            variant="subtle"
            color="gray"
            aria-label={`Delete ${intent.name}`}
            data-hint="Delete"
            onClick={onDelete}
          >
            <IconTrash size={16} aria-hidden />
          </ActionIcon>
        </Group>
      )}
    </li>
  );
}
