import { Type } from "typebox";
import { closed, nullable, oneOf, Uuid } from "../http/schema.ts";
import { identityLimits } from "./limits.ts";
import { roles } from "./roles.ts";

/** A role and where it is held: `tenantId` null is the whole cluster. */
export const RoleBody = closed({ role: oneOf(roles), tenantId: nullable(Uuid) });

export const RoleList = Type.Array(RoleBody, { maxItems: identityLimits.maxBindings });

export const Password = Type.String({ minLength: 1, maxLength: identityLimits.maxPasswordLength });

/** How a person logs in: by a password kept here, or by way of the identity provider. */
export const LoginBy = oneOf(["password", "provider"]);

export function loginBy(hasPassword: boolean): "password" | "provider" {
  return hasPassword ? "password" : "provider";
}
