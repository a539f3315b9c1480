import type { FastifyInstance } from "fastify";

/** Remembers the routes, so that an address that exists with another method answers 405 instead of 404. */
export function rememberRoutes(app: FastifyInstance): { methodsAt(path: string): string[] } {
  const routes: { readonly method: string; readonly pattern: RegExp }[] = [];
  app.addHook("onRoute", ({ method, url }) => {
    const pattern = toPattern(url);
    for (const one of [method].flat()) routes.push({ method: one.toUpperCase(), pattern });
  });
  return {
    methodsAt(path) {
      const methods = routes.filter(({ pattern }) => pattern.test(path)).map(({ method }) => method);
      return [...new Set(methods)].sort();
    },
  };
}

function toPattern(url: string): RegExp {
  const parts = url
    .split("/")
    .map((part) => (part.startsWith(":") ? "[^/]+" : part.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&")));
  return new RegExp(`^${parts.join("/")}$`);
}
