import { expect, test } from "vitest";
import { descriptorParts } from "./descriptor-parts.ts";
import { wantedDescriptors } from "./wanted-descriptors.ts";

const sid = "S-1-5-80-1-2-3-4-5";

test.each([
  { holdsServiceSid: true, system: "CCLCSWRPLOCRRC" },
  { holdsServiceSid: false, system: "0xF01FF" },
])(
  "the service is as our own one, and whoever may usually ask after it still may ($system)",
  ({ holdsServiceSid, system }) => {
    expect(descriptorParts(wantedDescriptors(sid, holdsServiceSid).service)).toEqual({
      owner: "O:SY",
      flags: "P",
      entries: [
        `(A;;0xF01FF;;;${sid})`,
        `(A;;${system};;;SY)`,
        "(A;;CCLCSWRPLOCRRC;;;BA)",
        "(A;;CCLCSWLOCRRC;;;IU)",
        "(A;;CCLCSWLOCRRC;;;SU)",
        "(A;;RC;;;OW)",
      ],
    });
  },
);

test("its keys are as our own ones, and services read them under whatever account they run", () => {
  expect(descriptorParts(wantedDescriptors(sid, true).key)).toEqual({
    owner: "",
    flags: "P",
    entries: ["(A;CI;KA;;;SY)", "(A;CI;KR;;;BA)", "(A;CI;KR;;;SU)", "(A;CI;RC;;;OW)"],
  });
});
