import { expect, test } from "vitest";
import { acceptedControls } from "./service-host.ts";

const [stop, pauseContinue, shutdown, preshutdown] = [0x1, 0x2, 0x4, 0x100];

test("accepts stopping only when told to, shutdown always, pausing never", () => {
  expect(acceptedControls(false)).toBe(shutdown | preshutdown);
  expect(acceptedControls(true)).toBe(shutdown | preshutdown | stop);
  expect(acceptedControls(true) & pauseContinue).toBe(0);
});
