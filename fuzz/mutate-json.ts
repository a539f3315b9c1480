import { mutateBytes } from "./mutate-bytes.ts";
import type { Random } from "./random.ts";

type Json = null | boolean | number | string | Json[] | { [name: string]: Json };

/** Stands for something nested deeper than a recursive reader has stack for; put in once the rest is text. */
const depths = "\u{10fffd}deep\u{10fffd}";

const odd: readonly [Json, ...Json[]] = [
  null,
  true,
  false,
  0,
  -1,
  1,
  0.5,
  900,
  86_401,
  2 ** 31,
  Number.MAX_SAFE_INTEGER,
  2 ** 53,
  1e300,
  "",
  "0",
  "\u0000",
  "\ud800",
  "__proto__",
  "cluster",
  "0199a1b2-0000-7000-8000-00000000e001",
  "x".repeat(256),
  "ü".repeat(40_000),
  [],
  [[]],
  {},
  depths,
];

/** The text of `value` with one to four of its members changed; seldom, with the text itself changed too. */
export function mutateJson(value: unknown, random: Random): Uint8Array {
  let changed = structuredClone(value) as Json;
  for (let left = 1 + random.below(4); left > 0; left--) changed = mutateNode(changed, random);
  const wanted = 1 + random.below(random.oneIn(3) ? 100_000 : 50);
  const [open, close] = random.oneIn(2) ? ["[", "]"] : ['{"a":', "}"];
  const parts = JSON.stringify(changed).split(JSON.stringify(depths));
  // Many deep places in one text would be tens of megabytes, which nobody is given to read.
  const levels = Math.max(1, Math.min(wanted, Math.floor(200_000 / parts.length)));
  const text = parts.join(`${open.repeat(levels)}1${close.repeat(levels)}`);
  const bytes = Buffer.from(text, "utf8");
  return random.oneIn(8) ? mutateBytes(bytes, random) : bytes;
}

/** Walks down to some node and changes it. */
function mutateNode(node: Json, random: Random): Json {
  if (Array.isArray(node) && node.length > 0 && !random.oneIn(4)) {
    const index = random.below(node.length);
    return node.map((item, i) => (i === index ? mutateNode(item, random) : item));
  }
  if (typeof node === "object" && node !== null && !Array.isArray(node) && !random.oneIn(5)) {
    return mutateMember(node, random);
  }
  return changedValue(node, random);
}

function mutateMember(node: { [name: string]: Json }, random: Random): Json {
  const entries = Object.entries(node);
  const index = random.below(Math.max(1, entries.length));
  const [name, value] = entries[index] ?? ["a", null];
  switch (random.below(8)) {
    case 0:
      return Object.fromEntries(entries.filter((_, i) => i !== index));
    case 1:
      // As JSON.parse gives it: a member of this very name, no prototype.
      return Object.fromEntries([...entries, [random.pick(["__proto__", "crit", "toString", "", "é"]), value]]);
    case 2:
      return Object.fromEntries(entries.map(([other, its], i) => [i === index ? `${name}x` : other, its]));
    case 3:
      return { ...node, crit: [random.oneIn(2) ? name : random.pick(odd)] };
    case 4: {
      const other = entries[random.below(entries.length)]?.[1] ?? null;
      return Object.fromEntries(entries.map(([its, kept], i) => [its, i === index ? other : kept]));
    }
    default:
      return Object.fromEntries(entries.map(([its, kept], i) => [its, i === index ? mutateNode(value, random) : kept]));
  }
}

function changedValue(value: Json, random: Random): Json {
  switch (random.below(7)) {
    case 0:
      return [value];
    case 1:
      return { a: value };
    case 2:
      return typeof value === "string" ? Buffer.from(mutateBytes(Buffer.from(value), random)).toString("utf8") : value;
    case 3:
      return typeof value === "number" ? value + random.pick([-1, 1, 0.5, 1000, -1e9, 2 ** 40]) : value;
    case 4:
      return Array.isArray(value)
        ? Array.from({ length: random.below(300) }, (_, i) => value[i % Math.max(1, value.length)] ?? null)
        : random.pick(odd);
    default:
      return random.pick(odd);
  }
}
