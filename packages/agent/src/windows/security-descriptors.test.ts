import { expect, test } from "vitest";
import { pipeDescriptor, serviceSid } from "./security-descriptors.ts";

test("computes the SID that Windows gives to a service", () => {
  expect(serviceSid("TrustedInstaller")).toBe("S-1-5-80-956008885-3418522649-1831038044-1853292631-2271478464");
  expect(serviceSid("trustedinstaller")).toBe(serviceSid("TRUSTEDINSTALLER"));
});

test("administrators cannot add instances to the pipe, and nobody else can open it", () => {
  const createInstance = 0x4;
  const entries = [...pipeDescriptor.matchAll(/\(A;;(\w+);;;(\w+)\)/g)].map(([, rights, who]) => ({ rights, who }));
  expect(entries.map(({ who }) => who)).toEqual(["SY", "BA"]);
  expect(Number(entries[1]?.rights) & createInstance).toBe(0);
});
