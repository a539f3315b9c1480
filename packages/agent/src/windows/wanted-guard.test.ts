import { describe, expect, test } from "vitest";
import { serviceSid } from "./security-descriptors.ts";
import { wantedGuard } from "./wanted-guard.ts";

/** Rights that end, suspend, rewrite or take over what they are held on. */
const serviceWriting = { CC: 0x1, DC: 0x2, LC: 0x4, SW: 0x8, RP: 0x10, WP: 0x20, DT: 0x40, LO: 0x80, CR: 0x100 };
const standard = { SD: 0x10000, RC: 0x20000, WD: 0x40000, WO: 0x80000 };
const forKeys = { KA: 0xf003f, KR: 0x20019, FA: 0x1f01ff, GA: 0x10000000 };

const ours = serviceSid("PosternAgent");
const dataFolder = "C:\\ProgramData\\Postern";
const executable = "C:\\Program Files\\Postern\\PosternAgent.exe";
const facts = {
  serviceName: "PosternAgent",
  serviceSid: ours,
  holdsServiceSid: true,
  runsAsSystem: true,
  ordinaryProcess: "D:(A;;0x1fffff;;;SY)",
  executable,
  dataFolder,
};
const armed = wantedGuard(true, facts);
const disarmed = wantedGuard(false, facts);

describe("armed", () => {
  test("the service is the design's, word for word", () => {
    expect(armed.serviceDescriptor).toBe(
      `O:SYD:P(A;;0xF01FF;;;${ours})(A;;CCLCSWRPLOCRRC;;;SY)(A;;CCLCSWRPLOCRRC;;;BA)(A;;RC;;;OW)`,
    );
  });

  test("SYSTEM keeps the service while the process's token lacks the service's own SID", () => {
    const { serviceDescriptor } = wantedGuard(true, { ...facts, holdsServiceSid: false });
    expect(rightsOf(serviceDescriptor, "SY")).toBe(0xf01ff);
    expect(rightsOf(serviceDescriptor, "BA")).toBe(rightsOf(armed.serviceDescriptor, "BA"));
  });

  test("administrators may neither stop, pause, change nor delete the service", () => {
    const { WP, DT, DC } = serviceWriting;
    expect(rightsOf(armed.serviceDescriptor, "BA") & (WP | DT | DC | standard.SD | standard.WD | standard.WO)).toBe(0);
  });

  test("administrators may only read the service's key", () => {
    expect(rightsOf(armed.serviceKeyDescriptor, "BA")).toBe(forKeys.KR);
    expect(rightsOf(armed.serviceKeyDescriptor, "SY")).toBe(forKeys.KA);
  });

  test("administrators may not terminate, suspend, write into or start threads in the process", () => {
    const [terminate, createThread, vmOperation, vmWrite, suspend] = [0x1, 0x2, 0x8, 0x20, 0x800];
    const refused = terminate | createThread | vmOperation | vmWrite | suspend | standard.WD | standard.WO;
    expect(rightsOf(armed.processDescriptor, "BA") & refused).toBe(0);
  });

  test.each(["serviceDescriptor", "serviceKeyDescriptor", "processDescriptor"] as const)(
    "the %s is SYSTEM's, inherits nothing, denies nothing, and its owner only reads",
    (layer) => {
      expect(armed[layer].startsWith("O:SYD:P(")).toBe(true);
      expect(armed[layer]).toContain("D:P(");
      expect(armed[layer]).not.toContain("(D;");
      expect(rightsOf(armed[layer], "OW")).toBe(standard.RC);
    },
  );
});

test("where services run as administrators do, the owner stays who it is: they could not set it back", () => {
  for (const guard of [true, false].map((on) => wantedGuard(on, { ...facts, runsAsSystem: false }))) {
    const descriptors = [guard.serviceKeyDescriptor, ...guard.folders.map(({ descriptor }) => descriptor)];
    for (const descriptor of descriptors) expect(descriptor).toMatch(/^D:/);
  }
});

test("the Event Log finds our sentences where every Windows has them, and keeps them when protection is off", () => {
  expect(armed.eventSource).toEqual({
    key: "SYSTEM\\CurrentControlSet\\Services\\EventLog\\Application\\PosternAgent",
    messageFile: "%SystemRoot%\\System32\\EventCreate.exe",
    types: 7,
  });
  expect(disarmed.eventSource).toBeUndefined();
});

describe("disarmed", () => {
  test("the service has the descriptor that the service manager gives to every service", () => {
    expect(disarmed.serviceDescriptor).toBe(
      "O:SYD:(A;;CCLCSWRPWPDTLOCRRC;;;SY)(A;;CCDCLCSWRPWPDTLOCRSDRCWDWO;;;BA)(A;;CCLCSWLOCRRC;;;IU)(A;;CCLCSWLOCRRC;;;SU)",
    );
  });

  test("the key inherits again and holds nothing of its own", () => {
    expect(disarmed.serviceKeyDescriptor.startsWith("O:BAD:AI(")).toBe(true);
    for (const [, flags] of disarmed.serviceKeyDescriptor.matchAll(/\(A;([A-Z]*);/g)) expect(flags).toContain("ID");
  });

  test("the process is as it started", () => {
    expect(disarmed.processDescriptor).toBe(facts.ordinaryProcess);
  });
});

describe("beside the descriptors", () => {
  test("armed, nobody stops it; lifted, everybody may who may stop a service", () => {
    expect(armed.acceptedControls).toEqual(["shutdown", "preshutdown"]);
    expect(disarmed.acceptedControls).toEqual(["shutdown", "preshutdown", "stop"]);
  });

  test("armed, it starts by itself, at once, as SYSTEM, and waits for nobody", () => {
    expect(armed.serviceConfig).toEqual({
      command: '"C:\\Program Files\\Postern\\PosternAgent.exe" -service',
      account: "LocalSystem",
      startType: "automatic",
      delayed: false,
      dependencies: [],
    });
  });

  test("lifted, how it starts is left as the administrator wants it", () => {
    expect(disarmed.serviceConfig).toBeUndefined();
  });

  test("armed, it is started again at once after every failure; lifted, a stop stays one", () => {
    expect(armed.recovery).toEqual({
      restartAfterMs: [0, 0, 0],
      resetAfterSeconds: 86_400,
      alsoWithoutCrash: true,
    });
    expect(disarmed.recovery.restartAfterMs).toEqual([]);
    expect(disarmed.recovery.alsoWithoutCrash).toBe(false);
  });

  test("armed, nothing in the registry replaces, watches or deletes the program", () => {
    expect(armed.cleanRegistry?.absentKeys).toEqual([
      "SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion\\Image File Execution Options\\PosternAgent.exe",
      "SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion\\SilentProcessExit\\PosternAgent.exe",
    ]);
    expect(armed.cleanRegistry?.pendingRenames).toMatchObject({
      key: "SYSTEM\\CurrentControlSet\\Control\\Session Manager",
      mustNotName: "Postern",
    });
    expect(disarmed.cleanRegistry).toBeUndefined();
  });
});

describe("folders", () => {
  const [program, data] = armed.folders;

  test("armed, administrators read and execute the program, and nobody but SYSTEM has the data", () => {
    expect(program).toMatchObject({ path: "C:\\Program Files\\Postern", heldOpen: true });
    expect(rightsOf(program?.descriptor ?? "", "BA")).toBe(0x1200a9);
    expect(data).toMatchObject({ path: dataFolder, heldOpen: true });
    expect(grantees(data?.descriptor ?? "")).toEqual(["SY", "OW"]);
    for (const rule of armed.folders) {
      expect(rule.descriptor.startsWith("O:SYD:P(")).toBe(true);
      expect(rightsOf(rule.descriptor, "OW")).toBe(standard.RC);
    }
  });

  test("lifted, the program's inherits again, and users still have none of the data", () => {
    expect(disarmed.folders.map(({ path }) => path)).toEqual(armed.folders.map(({ path }) => path));
    expect(disarmed.folders.map(({ heldOpen }) => heldOpen)).toEqual([false, false]);
    expect(disarmed.folders[0]?.descriptor.startsWith("O:BAD:AI(")).toBe(true);
    expect(grantees(disarmed.folders[1]?.descriptor ?? "")).toEqual(["SY", "BA"]);
  });
});

function grantees(sddl: string): (string | undefined)[] {
  return [...sddl.matchAll(/;;;(\w+)\)/g)].map(([, who]) => who);
}

/** The access mask that a descriptor gives to one alias. */
function rightsOf(sddl: string, who: string): number {
  const rights = new RegExp(`\\(A;[A-Z]*;(\\w+);;;${who}\\)`).exec(sddl)?.[1] ?? "";
  if (rights.startsWith("0x")) return Number(rights);
  const named: Record<string, number> = { ...serviceWriting, ...standard, ...forKeys };
  return (rights.match(/../g) ?? []).reduce((mask, right) => mask | (named[right] ?? 0), 0);
}
