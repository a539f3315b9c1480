import { Fact, Facts } from "../../shared/facts.tsx";
import { duration } from "../../shared/times.ts";
import { layerWord } from "./layers.ts";

/** Settings as nested JSON, as names and values one under the other. */
export function SettingsTable({ settings }: { readonly settings: object }) {
  return (
    <Facts>
      {flatten(settings, []).map(([name, value]) => (
        <Fact key={name} name={name}>
          {value}
        </Fact>
      ))}
    </Facts>
  );
}

function flatten(value: object, path: readonly string[]): (readonly [string, string])[] {
  return Object.entries(value).flatMap(([name, member]) => {
    const here = [...path, layerWord(name.replace(/Seconds$/, ""))];
    if (typeof member === "object" && member !== null && !Array.isArray(member)) return flatten(member, here);
    const text = here.join(" › ");
    return [
      [
        text.charAt(0).toUpperCase() + text.slice(1),
        name.endsWith("Seconds") ? duration(Number(member)) : say(member),
      ] as const,
    ];
  });
}

function say(value: unknown): string {
  if (value === true) return "Yes";
  if (value === false) return "No";
  if (value === null || value === undefined) return "–";
  if (Array.isArray(value)) return value.length === 0 ? "None" : value.map(say).join(", ");
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}
