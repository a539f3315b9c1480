import { beforeEach, describe, expect, test } from "vitest";
import { type Layer, layeredGuard } from "./layered-guard.ts";

let done: string[];
beforeEach(() => {
  done = [];
});

function layer(name: string, other: Partial<Layer> = {}): Layer {
  return { name, set: (armed) => done.push(`${name} ${armed}`), drifted: () => undefined, ...other };
}

function failing(): never {
  throw new Error("Windows error 5");
}

function guardOf(...layers: Layer[]) {
  return layeredGuard(layers, () => ({ close() {} }));
}

test("one layer that fails is named and stops no other", () => {
  const guard = guardOf(layer("first"), layer("second", { set: failing }), layer("third"));
  expect(guard.arm()).toEqual({ first: "on", second: "failed: Windows error 5", third: "on" });
  expect(guard.disarm()).toEqual({ first: "off", second: "failed: Windows error 5", third: "off" });
  expect(done).toEqual(["first true", "third true", "first false", "third false"]);
});

test("sets the whole wanted state again each time", () => {
  const guard = guardOf(layer("only"));
  guard.arm();
  guard.arm();
  expect(done).toEqual(["only true", "only true"]);
});

describe("restore", () => {
  test("sets back what was changed, and touches nothing else", () => {
    const guard = guardOf(layer("first"), layer("second", { drifted: () => "descriptor" }));
    guard.arm();
    done = [];
    expect(guard.restore()).toEqual({
      layers: { first: "on", second: "on" },
      drifts: [{ layer: "second", found: "descriptor", setBack: true }],
    });
    expect(done).toEqual(["second true"]);
  });

  test("a layer that cannot be looked at any more counts as changed", () => {
    const guard = guardOf(layer("only", { drifted: failing }));
    guard.arm();
    expect(guard.restore().drifts).toEqual([
      { layer: "only", found: "cannot be read: Windows error 5", setBack: true },
    ]);
  });

  test("one that cannot be set back is told of once, tried again, and on as soon as that works", () => {
    let broken = false;
    let changed = false;
    const guard = guardOf(
      layer("only", {
        set() {
          if (broken) failing();
          changed = false;
        },
        drifted: () => (changed ? "descriptor" : undefined),
      }),
    );
    guard.arm();
    changed = true;
    broken = true;
    expect(guard.restore()).toEqual({
      layers: { only: "failed: Windows error 5" },
      drifts: [{ layer: "only", found: "descriptor", setBack: false }],
    });
    expect(guard.restore()).toEqual({ layers: { only: "failed: Windows error 5" }, drifts: [] });
    broken = false;
    expect(guard.restore()).toEqual({ layers: { only: "on" }, drifts: [] });
  });

  test("what the platform never had is no change", () => {
    const guard = guardOf(layer("recovery", { set: failing, drifted: failing }));
    guard.arm();
    expect(guard.restore()).toEqual({ layers: { recovery: "failed: Windows error 5" }, drifts: [] });
  });
});

test("what was changed in a lift is told by layer: by a word of its own, or as a drift; what cannot be read tells nothing", () => {
  const guard = guardOf(
    layer("config", { drifted: () => "startType" }),
    layer("key", { drifted: () => "descriptor", changedInLift: () => undefined }),
    layer("files", { drifted: () => undefined, changedInLift: () => "descriptor of koffi.node" }),
    layer("recovery", { drifted: failing }),
  );
  guard.disarm();
  expect(guard.changedInLift?.()).toEqual([
    { layer: "config", found: "startType" },
    { layer: "files", found: "descriptor of koffi.node" },
  ]);
});
