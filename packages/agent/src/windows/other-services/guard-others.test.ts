import { describe, expect, test } from "vitest";
import type { Disk } from "../../store/disk.fixture.ts";
import {
  FakeMachine,
  fakeService,
  full,
  ordinaryKey,
  ordinaryService,
  reduced,
  restart,
  twoVendors,
  vendorKey,
  vendorService,
} from "./fake-services.fixture.ts";
import type { ObjectId } from "./originals.ts";

const foreign = "O:BAD:P(A;;0xF01FF;;;BA)";

describe("guarding", () => {
  test("a service and all its keys have the guard's descriptors, and their owners else", () => {
    const machine = twoVendors();
    machine.others.arm(["Sysmon64", "osqueryd"]);
    expect(machine.report()).toEqual({ Sysmon64: "guarded", osqueryd: "guarded" });
    expect(machine.others.layer()).toBe("on");
    for (const name of ["Sysmon64", "osqueryd"]) expect(machine.descriptor(name)).toBe(reduced.service);
    expect(machine.descriptor("Sysmon64", "key\\Parameters")).toBe(`O:BA${reduced.key}`);
    expect(machine.descriptor("osqueryd", "key")).toBe(`O:SY${reduced.key}`);
  });

  test("an owner whom not everybody could make it again stays the owner, and only reads", () => {
    const owner = "O:S-1-5-80-9-9-9-9-9";
    const machine = new FakeMachine({ vendor: fakeService({ service: vendorService.replace("O:BA", owner) }) });
    const before = machine.state();
    machine.others.arm(["vendor"]);
    expect(machine.descriptor("vendor")).toBe(reduced.service.replace("O:SY", owner));
    expect(machine.others.look()).toEqual([]);
    machine.others.disarm(["vendor"]);
    expect(machine.state()).toEqual(before);
  });

  test("nothing but descriptors is touched, and nothing twice", () => {
    const machine = twoVendors();
    machine.others.arm(["Sysmon64"]);
    const { changes } = machine;
    const { operations } = machine.disk;
    machine.others.arm(["Sysmon64"]);
    expect(machine.others.look()).toEqual([]);
    expect([machine.changes, machine.disk.operations]).toEqual([changes, operations]);
    expect(machine.of("Sysmon64").failureActions).toEqual(restart);
    expect(machine.descriptor("osqueryd")).toBe(vendorService);
  });

  test("names are the same in any case, and one named twice is one", () => {
    const machine = twoVendors();
    machine.others.arm(["SYSMON64", "sysmon64"]);
    expect(machine.report()).toEqual({ SYSMON64: "guarded" });
    machine.others.arm(["sysmon64"]);
    expect(machine.report()).toEqual({ sysmon64: "guarded" });
    machine.others.arm([]);
    expect(machine.descriptor("Sysmon64")).toBe(ordinaryService);
  });

  test("one that is not there is told of and no error; when it comes it is guarded, and when it goes that is told", () => {
    const machine = twoVendors();
    machine.others.arm(["later"]);
    expect(machine.report()).toEqual({ later: "not_present" });
    expect(machine.others.layer()).toBe("on");
    machine.services.set("later", fakeService());
    expect(machine.others.look()).toEqual([]);
    expect(machine.report()).toEqual({ later: "guarded" });
    machine.services.delete("later");
    const gone = { layer: "otherServices", service: "later", found: "service gone", setBack: false };
    expect(machine.others.look()).toEqual([gone]);
    expect(machine.others.look()).toEqual([]);
    expect(machine.disk.read("/data/other-services")).toBeUndefined();
  });

  test("one that may not be guarded is left as it is, with the reason, and no error", () => {
    const machine = twoVendors();
    machine.of("Sysmon64").program = { ...machine.of("Sysmon64").program, type: 0x20 };
    machine.services.set("posternagent", fakeService());
    machine.others.arm(["Sysmon64", "PosternAgent"]);
    expect(machine.report()).toEqual({ Sysmon64: "refused_shared_process", PosternAgent: "refused_own_service" });
    expect(machine.others.layer()).toBe("on");
    expect(machine.changes).toBe(0);
  });

  test("one that is guarded stays it, whatever is made of its program", () => {
    const machine = twoVendors();
    machine.others.arm(["Sysmon64"]);
    const program = { ...machine.of("Sysmon64").program, command: "C:\\Windows\\System32\\x.exe" };
    machine.of("Sysmon64").program = program;
    machine.others.look();
    machine.others.arm(["Sysmon64"]);
    expect(machine.report()).toEqual({ Sysmon64: "guarded" });
    expect(machine.descriptor("Sysmon64")).toBe(reduced.service);
  });

  test("a full disk: what was before cannot be kept, so nothing is changed", () => {
    const machine = twoVendors();
    machine.disk.full = true;
    const before = machine.state();
    machine.others.arm(["Sysmon64"]);
    expect(machine.report()).toEqual({ Sysmon64: "failed" });
    expect(machine.others.layer()).toBe("failed: Sysmon64: no space left on device");
    expect(machine.state()).toEqual(before);
    machine.disk.full = false;
    machine.others.look();
    expect(machine.report()).toEqual({ Sysmon64: "guarded" });
  });

  test("what the system does not keep is told, and is no news each minute", () => {
    const machine = twoVendors();
    machine.of("Sysmon64").keepsNot = "service";
    machine.others.arm(["Sysmon64"]);
    expect(machine.others.layer()).toBe("failed: Sysmon64: the service descriptor is not kept");
    expect(machine.others.look()).toEqual([]);
    machine.change("Sysmon64", "key", ordinaryKey);
    const drift = { layer: "otherServices", service: "Sysmon64", found: "key descriptor", setBack: true };
    expect(machine.others.look()).toEqual([drift]);
    expect(machine.descriptor("Sysmon64", "key")).toBe(`O:BA${reduced.key}`);
  });

  test("SYSTEM has what it needs until the token holds the service's own SID, then only that", () => {
    const machine = twoVendors();
    machine.start(false);
    machine.others.arm(["Sysmon64"]);
    expect(machine.descriptor("Sysmon64")).toBe(full.service);
    machine.start(true);
    machine.others.arm(["Sysmon64"]);
    expect(machine.descriptor("Sysmon64")).toBe(reduced.service);
    expect(machine.others.look()).toEqual([]);
    machine.others.disarm(["Sysmon64"]);
    expect(machine.descriptor("Sysmon64")).toBe(ordinaryService);
  });
});

describe("giving back", () => {
  test.each<[string, (machine: FakeMachine) => void]>([
    ["lifted or off", (machine) => machine.others.disarm(["Sysmon64", "osqueryd"])],
    ["unlisted", (machine) => machine.others.arm([])],
    ["not enrolled any more", (machine) => machine.others.disarm(undefined)],
    [
      "by another process",
      (machine) => {
        machine.start();
        machine.others.disarm(undefined);
      },
    ],
  ])("%s: owner, descriptors and recovery are exactly what they were", (_, act) => {
    const machine = twoVendors();
    const before = machine.state();
    machine.others.arm(["Sysmon64", "osqueryd"]);
    machine.of("Sysmon64").failureActions = { ...restart, command: "C:\\evil.exe" };
    expect(machine.state()).not.toEqual(before);
    act(machine);
    expect(machine.state()).toEqual(before);
    expect(machine.disk.read("/data/other-services")).toBeUndefined();
  });

  test("only the one that is not listed any more", () => {
    const machine = twoVendors();
    machine.others.arm(["Sysmon64", "osqueryd"]);
    machine.others.arm(["osqueryd"]);
    expect(machine.report()).toEqual({ osqueryd: "guarded" });
    expect(machine.descriptor("Sysmon64")).toBe(ordinaryService);
    expect(machine.descriptor("osqueryd")).toBe(reduced.service);
  });

  test("an original is never written over while its service is guarded", () => {
    const machine = twoVendors();
    const before = machine.state();
    for (let turn = 0; turn < 3; turn++) {
      machine.start(turn > 0);
      machine.others.arm(["Sysmon64", "osqueryd"]);
      machine.others.look();
    }
    machine.others.disarm(undefined);
    expect(machine.state()).toEqual(before);
  });

  test("nobody can say which are wanted: those that are guarded stay it", () => {
    const machine = twoVendors();
    machine.others.arm(["Sysmon64"]);
    machine.start();
    machine.others.arm(undefined);
    expect(machine.report()).toEqual({ Sysmon64: "guarded" });
    expect(machine.descriptor("Sysmon64")).toBe(reduced.service);
  });

  test("a key that was made meanwhile has what the key above gives", () => {
    const machine = twoVendors();
    machine.others.arm(["osqueryd"]);
    machine.makeKey("osqueryd", "key\\New");
    machine.makeKey("osqueryd", "key\\New\\Deeper");
    expect(machine.others.look()).toEqual([]);
    machine.others.disarm(["osqueryd"]);
    expect(machine.descriptor("osqueryd", "key\\New")).toBe("O:SYD:AI(A;CIID;KA;;;SY)(A;CIID;KA;;;BA)");
    expect(machine.descriptor("osqueryd", "key\\New\\Deeper")).toBe("O:SYD:AI(A;CIID;KA;;;SY)(A;CIID;KA;;;BA)");
  });

  test("a key that somebody made with a descriptor of its own is guarded with the others, and comes back", () => {
    const machine = twoVendors();
    const before = machine.state();
    machine.others.arm(["osqueryd"]);
    machine.change("osqueryd", "key\\Own", vendorKey);
    expect(machine.others.look()).toEqual([]);
    expect(machine.descriptor("osqueryd", "key\\Own")).toBe(`O:SY${reduced.key}`);
    machine.others.disarm(["osqueryd"]);
    expect(machine.descriptor("osqueryd", "key\\Own")).toBe(vendorKey);
    machine.of("osqueryd").objects.pop();
    expect(machine.state()).toEqual(before);
  });

  test("one that cannot be given back keeps its original for the next time", () => {
    const machine = twoVendors();
    machine.others.arm(["Sysmon64"]);
    machine.of("Sysmon64").keepsNot = "service";
    machine.others.disarm(["Sysmon64"]);
    expect(machine.others.layer()).toBe("failed: Sysmon64: the service descriptor is not kept");
    expect(machine.others.touched()).toEqual(["Sysmon64"]);
    expect(machine.others.nothingKept()).toBe(false);
    delete machine.of("Sysmon64").keepsNot;
    machine.start();
    machine.others.disarm(undefined);
    expect(machine.descriptor("Sysmon64")).toBe(ordinaryService);
    expect(machine.others.nothingKept()).toBe(true);
  });
});

describe("watching", () => {
  test.each<[ObjectId, string, string]>([
    ["service", ordinaryService, "service descriptor"],
    ["key\\Parameters", ordinaryKey, "key descriptor"],
  ])("the original %s, set again by somebody, is guarded again and told once", (id, original, found) => {
    const machine = twoVendors();
    machine.others.arm(["Sysmon64"]);
    machine.change("Sysmon64", id, original);
    const drift = { layer: "otherServices", service: "Sysmon64", found, setBack: true };
    expect(machine.others.look()).toEqual([drift]);
    expect(machine.descriptor("Sysmon64", id)).toContain(id === "service" ? reduced.service : reduced.key);
    expect(machine.others.look()).toEqual([]);
  });

  test.each<[string, string]>([
    ["of the service", reduced.service.replace("O:SY", "O:BA")],
    [
      "of the service, which is no more bound by what its owner may",
      reduced.service.replace("O:SY", "O:BA").replace("(A;;RC;;;OW)", ""),
    ],
  ])("an owner %s, whom somebody made it, is set back", (_, taken) => {
    const machine = twoVendors();
    machine.others.arm(["Sysmon64"]);
    machine.change("Sysmon64", "service", taken);
    expect(machine.others.look()).toMatchObject([{ service: "Sysmon64", found: "service descriptor", setBack: true }]);
    expect(machine.descriptor("Sysmon64")).toBe(reduced.service);
  });

  test("the owner of a key, too", () => {
    const machine = twoVendors();
    machine.others.arm(["osqueryd"]);
    machine.change("osqueryd", "key", `O:BA${reduced.key.replace("(A;CI;RC;;;OW)", "(A;CIIO;RC;;;OW)")}`);
    expect(machine.others.look()).toMatchObject([{ service: "osqueryd", found: "key descriptor", setBack: true }]);
    expect(machine.descriptor("osqueryd", "key")).toBe(`O:SY${reduced.key}`);
  });

  test.each<[ObjectId]>([["service"], ["key"]])(
    "a foreign %s is left alone, told once, and left alone when given back",
    (id) => {
      const machine = twoVendors();
      machine.others.arm(["Sysmon64", "osqueryd"]);
      machine.change("Sysmon64", id, foreign);
      expect(machine.others.look()).toMatchObject([{ service: "Sysmon64", setBack: false }]);
      expect(machine.others.look()).toEqual([]);
      machine.others.arm(["Sysmon64", "osqueryd"]);
      expect(machine.report()).toEqual({ Sysmon64: "foreign_descriptor", osqueryd: "guarded" });
      expect(machine.others.layer()).toBe("failed: Sysmon64: foreign descriptor");
      machine.start();
      machine.others.disarm(["Sysmon64", "osqueryd"]);
      expect(machine.report()).toEqual({ Sysmon64: "foreign_descriptor", osqueryd: "not_guarded" });
      expect(machine.descriptor("Sysmon64", id)).toBe(foreign);
      // All else of it is back.
      for (const other of ["service", "key", "key\\Parameters"] as const)
        if (other !== id)
          expect(machine.descriptor("Sysmon64", other)).toBe(other === "service" ? ordinaryService : ordinaryKey);
      expect(machine.descriptor("osqueryd")).toBe(vendorService);
    },
  );

  test("a key that everybody may do everything with cannot be given back as such, so it is left alone", () => {
    const machine = twoVendors();
    machine.change("Sysmon64", "key", "O:BAD:NO_ACCESS_CONTROL");
    machine.others.arm(["Sysmon64"]);
    expect(machine.report()).toEqual({ Sysmon64: "foreign_descriptor" });
    expect(machine.descriptor("Sysmon64", "key")).toBe("O:BAD:NO_ACCESS_CONTROL");
  });
});

describe("the originals are lost", () => {
  test.each<[string, (disk: Disk) => void]>([
    ["damaged", (disk) => disk.write("/data/other-services", 90, new TextEncoder().encode("x"))],
    ["cut", (disk) => (disk.read("/data/other-services") as Uint8Array).fill(0, 200)],
  ])("the file is %s: no service is touched, and it says so", (_, damage) => {
    const machine = twoVendors();
    machine.others.arm(["Sysmon64"]);
    const guarded = machine.state();
    damage(machine.disk);
    machine.start();
    machine.others.arm(["Sysmon64", "osqueryd"]);
    expect(machine.report()).toEqual({ Sysmon64: "originals_unreadable", osqueryd: "originals_unreadable" });
    expect(machine.others.layer()).toBe("failed: what services had before the guard cannot be read");
    machine.others.look();
    machine.others.disarm(["Sysmon64", "osqueryd"]);
    expect(machine.others.nothingKept()).toBe(false);
    expect(machine.state()).toEqual(guarded);
    expect(machine.disk.read("/data/other-services")).toBeDefined();
  });

  test("a file that can be read again is gone on with", () => {
    const machine = twoVendors();
    const before = machine.state();
    machine.others.arm(["Sysmon64"]);
    machine.start();
    const read = machine.disk.read.bind(machine.disk);
    machine.disk.read = () => {
      throw new Error("not now");
    };
    machine.others.arm(["Sysmon64"]);
    expect(machine.report()).toEqual({ Sysmon64: "originals_unreadable" });
    machine.disk.read = read;
    machine.others.look();
    expect(machine.report()).toEqual({ Sysmon64: "guarded" });
    machine.others.disarm(["Sysmon64"]);
    expect(machine.state()).toEqual(before);
  });

  test("the file is gone: what bears the guard's descriptors stays as it is, and none is taken for an original", () => {
    const machine = twoVendors();
    machine.others.arm(["Sysmon64"]);
    const guarded = machine.state();
    machine.disk.remove("/data/other-services");
    machine.start();
    machine.others.arm(["Sysmon64"]);
    expect(machine.report()).toEqual({ Sysmon64: "original_lost" });
    expect(machine.others.layer()).toBe("failed: Sysmon64: original lost");
    machine.others.disarm(["Sysmon64"]);
    expect(machine.report()).toEqual({ Sysmon64: "original_lost" });
    expect(machine.state()).toEqual(guarded);
  });
});
