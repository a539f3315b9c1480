import { expect, test } from "vitest";
import { neutraliseVariable, StringNotFound } from "./neutralise.ts";
import { neutralisedPath, neutralisedVariables } from "./neutralised-variables.ts";

const name = "NODE_PATH";
const length = Buffer.of(name.length, 0, 0, 0);
const variable = { name, why: "", native: 1, wide: 1, cached: 2, source: 1 };

/** The forms in which Node's executable holds a name, and neighbours that must stay. */
const executable = (): Buffer =>
  Buffer.concat([
    Buffer.from(`\0${name}\0 \0${name}S\0 X${name}\0 `),
    Buffer.from("\0\0", "latin1"),
    Buffer.from(`\0${name}\0`, "utf16le"),
    length,
    Buffer.from(`${name}\0\0\0`),
    length,
    Buffer.from(`${name}\x01`),
    Buffer.from(`if (process.env.${name}) load(process.env.${name}_X); // the variable ${name} says where`),
  ]);

test("takes the name from every form it stands in, and moves nothing", () => {
  const patched = executable();
  neutraliseVariable(patched, variable);
  const text = patched.toString("latin1");
  expect(patched).toHaveLength(executable().length);
  // With its neighbour: the constants below look alike when they are done.
  expect(text).toContain("\0\0ODE_PATH\0 \0NODE_PATHS\0");
  expect(text).toContain("if (process.env['\\0']    ) load(process.env.NODE_PATH_X);");
  expect(text.split("\t\0\0\0\0ODE_PATH")).toHaveLength(3);
  expect(patched.includes(Buffer.from(`\0\0ODE_PATH\0`, "utf16le"))).toBe(true);
});

test("leaves longer names and prose alone", () => {
  const patched = executable();
  neutraliseVariable(patched, variable);
  const text = patched.toString("latin1");
  for (const kept of ["\0NODE_PATHS\0", "XNODE_PATH\0", "the variable NODE_PATH says"]) expect(text).toContain(kept);
});

test("the source that is left is the same program reading a variable without a name", () => {
  const source = Buffer.from(`process.env.${name} === undefined`);
  neutraliseVariable(source, { name, why: "", source: 1 });
  const evaluate = new Function("process", `return ${source.toString()}`);
  expect(evaluate({ env: { NODE_PATH: "set", "\0": undefined } })).toBe(true);
});

test.each(["native", "wide", "cached", "source"] as const)(
  "refuses an executable with another number of %s names, untouched",
  (form) => {
    const patched = executable();
    expect(() => neutraliseVariable(patched, { ...variable, [form]: 3 })).toThrow(StringNotFound);
    expect(patched.equals(executable())).toBe(true);
  },
);

test("names each variable once, and expects each somewhere", () => {
  const names = neutralisedVariables.map((row) => row.name);
  expect(new Set(names).size).toBe(names.length);
  for (const { native = 0, wide = 0, cached = 0, source = 0 } of neutralisedVariables)
    expect(native + wide + cached + source).toBeGreaterThan(0);
});

test("the replaced path keeps its length", () => {
  expect(neutralisedPath.replacement).toHaveLength(neutralisedPath.path.length);
});
