import { expect, test } from "vitest";
import { wantedGuard } from "../wanted-guard.ts";
import { descriptorParts } from "./descriptor-parts.ts";
import { wantedDescriptors } from "./wanted-descriptors.ts";

const sid = "S-1-5-80-1-2-3-4-5";
const readingService = "CCLCSWLOCRRC";

test.each([true, false])(
  "the service has what our own has (SID in the token: %s), and who may ask still may",
  (holdsServiceSid) => {
    const facts = {
      serviceSid: sid,
      holdsServiceSid,
      ordinaryProcess: "",
      executable: "C:\\a\\b.exe",
      dataFolder: "C:\\d",
    };
    const own = descriptorParts(wantedGuard(true, facts).serviceDescriptor);
    const other = descriptorParts(wantedDescriptors(sid, holdsServiceSid).service);
    expect(other).toMatchObject({ owner: own.owner, flags: own.flags });
    const more = other.entries.filter((entry) => !own.entries.includes(entry));
    expect(own.entries.filter((entry) => !other.entries.includes(entry))).toEqual([]);
    expect(more).toEqual([`(A;;${readingService};;;IU)`, `(A;;${readingService};;;SU)`]);
  },
);

test("its keys have what our own have, and services read them under whatever account they run", () => {
  const { key } = wantedDescriptors(sid, true);
  expect(descriptorParts(key)).toEqual({
    owner: "",
    flags: "P",
    entries: ["(A;CI;KA;;;SY)", "(A;CI;KR;;;BA)", "(A;CI;KR;;;SU)", "(A;CI;RC;;;OW)"],
  });
});
