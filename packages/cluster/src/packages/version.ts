import { agentVersionPattern } from "@postern/protocol";
import { Type } from "typebox";

/** The version of an agent, as packages and profiles name it. */
export const Version = Type.String({
  maxLength: 17,
  pattern: agentVersionPattern,
  mustBe: "three numbers like 1.4.2",
  examples: ["1.4.2"],
});
