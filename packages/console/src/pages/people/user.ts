import type { Item } from "../../api/types.ts";

export type User = Item<"/api/v1/users">;
