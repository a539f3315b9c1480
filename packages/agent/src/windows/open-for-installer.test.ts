import { expect, test } from "vitest";
import { openForInstaller } from "./open-for-installer.ts";
import { wantedGuard } from "./wanted-guard.ts";

const facts = {
  serviceName: "PosternAgent",
  serviceSid: "S-1-5-80-1",
  holdsServiceSid: true,
  runsAsSystem: true,
  ordinaryProcess: "D:(A;;GA;;;BA)",
  executable: "C:\\Program Files\\Postern\\PosternAgent.exe",
  dataFolder: "C:\\ProgramData\\Postern",
};

test.each([true, false])(
  "SYSTEM may stop and set up the service, and administrators no more than before (%s)",
  (holds) => {
    const armed = wantedGuard(true, { ...facts, holdsServiceSid: holds });
    const open = openForInstaller(armed);
    const entriesOf = (sddl: string) => sddl.match(/\([^)]*\)/g) ?? [];
    expect(open.acceptedControls).toEqual([...armed.acceptedControls, "stop"]);
    expect(entriesOf(open.serviceDescriptor)).toContain("(A;;0xF01FF;;;SY)");
    const others = (sddl: string) => entriesOf(sddl).filter((entry) => !entry.endsWith(";SY)"));
    expect(others(open.serviceDescriptor)).toEqual(others(armed.serviceDescriptor));
  },
);

test("pending renames of our files are left to it; all else stays as it is", () => {
  const armed = wantedGuard(true, facts);
  const { acceptedControls: _, serviceDescriptor: __, cleanRegistry, ...rest } = openForInstaller(armed);
  expect(cleanRegistry?.pendingRenames.values).toEqual([]);
  expect(cleanRegistry?.absentKeys).toEqual(armed.cleanRegistry?.absentKeys);
  const { acceptedControls, serviceDescriptor, cleanRegistry: closed, ...wanted } = armed;
  expect(rest).toEqual(wanted);
});
