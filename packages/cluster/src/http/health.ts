import { Type } from "typebox";
import { Problem } from "./problems.ts";
import type { Server } from "./server.ts";

const Health = Type.Object({ status: Type.Literal("ok") });

/** `/healthz`: the process answers. `/readyz`: it can also do its work. */
export function healthRoutes(app: Server, isReady: () => Promise<boolean>): void {
  const config = { access: { permission: "health.read", scope: "public" } } as const;
  app.get("/healthz", { config, schema: { response: { 200: Health } } }, async () => ({ status: "ok" as const }));
  app.get("/readyz", { config, schema: { response: { 200: Health } } }, async () => {
    if (!(await isReady())) throw new Problem("not_ready");
    return { status: "ok" as const };
  });
}
