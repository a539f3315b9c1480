import { Type } from "typebox";

/**
 * A word by which people sort agents, such as `site:berlin`. One spelling only, so that no two labels look the same to a
 * person and different to an intent.
 */
export const Label = Type.String({
  minLength: 1,
  maxLength: 63,
  pattern: "^[a-z0-9](?:[a-z0-9._:/=-]*[a-z0-9])?$",
  mustBe: "a label of lower-case letters, digits and . _ : / = - between them, such as site:berlin",
});
