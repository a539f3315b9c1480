import classes from "./difference.module.css";

export interface Change {
  /** Where: `serviceProtection.on`. */
  readonly path: string;
  readonly before: unknown;
  readonly after: unknown;
}

/** What differs between two JSON values, member by member; lists count as one value. */
export function differences(before: unknown, after: unknown, path = ""): Change[] {
  if (isObject(before) && isObject(after)) {
    const names = [...new Set([...Object.keys(before), ...Object.keys(after)])];
    return names.flatMap((name) => differences(before[name], after[name], path === "" ? name : `${path}.${name}`));
  }
  return JSON.stringify(before) === JSON.stringify(after) ? [] : [{ path, before, after }];
}

/** Two versions of settings, only what differs between them. */
export function SettingsDifference({
  changes,
  before = "Before",
  after = "After",
  same = "There is no difference.",
}: {
  readonly changes: readonly Change[];
  readonly before?: string;
  readonly after?: string;
  readonly same?: string;
}) {
  if (changes.length === 0) return <p className={classes["same"]}>{same}</p>;
  return (
    <table className={classes["table"]}>
      <thead>
        <tr>
          <th scope="col">Setting</th>
          <th scope="col">{before}</th>
          <th scope="col">{after}</th>
        </tr>
      </thead>
      <tbody>
        {changes.map((change) => (
          <tr key={change.path}>
            <th scope="row">{change.path}</th>
            <td data-side="before">{toText(change.before)}</td>
            <td data-side="after">{toText(change.after)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function toText(value: unknown): string {
  if (value === undefined) return "–";
  return typeof value === "string" ? value : JSON.stringify(value);
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
