import { Disk, PowerCut } from "../../store/disk.fixture.ts";
import { descriptorParts, inheritedFrom } from "./descriptor-parts.ts";
import { type OtherServices, otherServices, type ServicePort } from "./guard-others.ts";
import { type FailureActions, type ObjectId, type SecuredObject, sameObject } from "./originals.ts";
import { originalsFile } from "./originals-file.ts";
import type { PresentService } from "./plan.ts";
import { refusalOf, type ServiceProgram } from "./refusals.ts";
import { wantedDescriptors } from "./wanted-descriptors.ts";

const sid = "S-1-5-80-1-2-3-4-5";
export const [reduced, full] = [wantedDescriptors(sid, true), wantedDescriptors(sid, false)];

/** As Windows gives them to a service whose vendor asked for nothing else, and as a vendor's own may be. */
export const ordinaryService =
  "O:SYD:(A;;CCLCSWRPWPDTLOCRRC;;;SY)(A;;CCDCLCSWRPWPDTLOCRSDRCWDWO;;;BA)(A;;CCLCSWLOCRRC;;;IU)(A;;CCLCSWLOCRRC;;;SU)";
export const vendorService = "O:BAD:(A;;CCLCSWRPWPDTLOCRRC;;;SY)(A;;0xF01FF;;;BA)(A;;RPWP;;;S-1-5-80-9-9-9-9-9)";
export const ordinaryKey = "O:BAD:AI(A;CIID;KA;;;SY)(A;CIID;KA;;;BA)(A;CIID;KR;;;BU)";
export const vendorKey = "O:SYD:PAI(A;CI;KA;;;SY)(A;CI;KA;;;BA)(A;;KR;;;S-1-5-80-9-9-9-9-9)";

export const restart: FailureActions = {
  resetSeconds: 86_400,
  rebootMessage: "",
  command: "C:\\vendor\\tell.exe",
  actions: [
    { type: 1, delayMs: 5_000 },
    { type: 3, delayMs: 0 },
  ],
  alsoWithoutCrash: false,
};

export interface FakeService {
  program: ServiceProgram;
  objects: SecuredObject[];
  failureActions?: FailureActions;
  /** What of it does not keep what is set, as under Wine. */
  keepsNot?: ObjectId;
}

export function fakeService(objects: Partial<Record<ObjectId, string>> = {}): FakeService {
  const all = { service: ordinaryService, key: ordinaryKey, ...objects };
  return {
    program: { type: 0x10, command: "C:\\Vendor\\agent.exe", launchProtected: false, realPaths: [] },
    objects: Object.entries(all).map(([id, descriptor]) => ({ id: id as ObjectId, descriptor })),
    failureActions: restart,
  };
}

/** Services, and a disk, that outlive the agent's process; the process can end at each change of either. */
export class FakeMachine implements ServicePort {
  readonly disk: Disk;
  readonly services: Map<string, FakeService>;
  /** Changes of services that were carried out. */
  changes = 0;
  /** The change at which the process ends, before or after it. */
  cut: { readonly at: number; readonly how: "before" | "after" } | undefined;
  others: OtherServices;

  constructor(services: Record<string, FakeService>, disk = new Disk(), holdsSid = true) {
    this.disk = disk;
    this.services = new Map(Object.entries(services).map(([name, service]) => [name.toLowerCase(), service]));
    this.others = this.#process(holdsSid);
  }

  /** A new process of the agent's. */
  start(holdsSid = true): void {
    this.others = this.#process(holdsSid);
  }

  #process(holdsSid: boolean): OtherServices {
    return otherServices({
      services: this,
      originals: originalsFile(this.disk, "/data"),
      wanted: holdsSid ? reduced : full,
      ours: [reduced.service, full.service, reduced.key],
      refusalOf: (name, program) =>
        refusalOf(name, program, {
          ownName: "PosternAgent",
          folders: { windows: "C:\\Windows", variable: () => undefined },
        }),
    });
  }

  of(name: string): FakeService {
    const service = this.services.get(name.toLowerCase());
    if (!service) throw new Error(`no service ${name}`);
    return service;
  }

  descriptor(name: string, id: ObjectId = "service"): string | undefined {
    return this.of(name).objects.find((object) => sameObject(object.id, id))?.descriptor;
  }

  /** Somebody else's hand. */
  change(name: string, id: ObjectId, descriptor: string): void {
    const service = this.of(name);
    service.objects = [...service.objects.filter((object) => !sameObject(object.id, id)), { id, descriptor }];
  }

  /** Somebody makes a key: it has what the one above gives. */
  makeKey(name: string, id: ObjectId): void {
    const above = this.descriptor(name, id.slice(0, id.lastIndexOf("\\")) as ObjectId) ?? "";
    this.change(name, id, `O:SY${inheritedFrom(descriptorParts(above))}`);
  }

  /** Everything of every service that has to come back. */
  state(): unknown {
    return [...this.services].map(([name, { objects, failureActions }]) => [
      name,
      Object.fromEntries(objects.map(({ id, descriptor }) => [id, descriptor])),
      failureActions,
    ]);
  }

  report(): Record<string, string> {
    return Object.fromEntries(this.others.report().map(({ name, state }) => [name, state]));
  }

  read(name: string): PresentService | undefined {
    if (this.disk.dead) throw new PowerCut();
    const service = this.services.get(name.toLowerCase());
    return service && { ...service };
  }

  set(name: string, { id, descriptor }: SecuredObject): void {
    this.#step(() => {
      const service = this.of(name);
      if (service.keepsNot === id) return;
      service.objects = service.objects.map((object) =>
        sameObject(object.id, id) ? { id: object.id, descriptor: withOwner(object.descriptor, descriptor) } : object,
      );
    });
  }

  setFailureActions(name: string, actions: FailureActions): void {
    this.#step(() => {
      this.of(name).failureActions = actions;
    });
  }

  #step(work: () => void): void {
    if (this.disk.dead) throw new PowerCut();
    const here = this.cut?.at === this.changes++;
    if (!here || this.cut?.how === "after") work();
    if (here) this.#end();
  }

  /** From here on the process does nothing any more. */
  #end(): never {
    this.disk.cut = { at: this.disk.operations - 1, how: "before" };
    throw new PowerCut();
  }
}

/** An owner that is not named stays. */
function withOwner(before: string, descriptor: string): string {
  return descriptor.startsWith("O:") ? descriptor : `${descriptorParts(before).owner}${descriptor}`;
}

/** One service as most are, and one of a vendor with descriptors of his own. */
export function twoVendors(): FakeMachine {
  return new FakeMachine({
    Sysmon64: fakeService({ "key\\Parameters": ordinaryKey }),
    osqueryd: fakeService({ service: vendorService, key: vendorKey, "key\\Security": vendorKey }),
  });
}
