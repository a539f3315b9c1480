/** Somebody who is logged in at the cluster and does over its API what people do. */
export interface Caller {
  /** The answer's body. @throws {ApiRefused} any other status than 2xx */
  // biome-ignore lint/suspicious/noExplicitAny: answers of every shape, of which the demo needs an id here and there
  send(method: string, path: string, body?: object): Promise<any>;
}

/** What the cluster said instead: `code` is its problem code. */
export class ApiRefused extends Error {
  override readonly name = "ApiRefused";
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

/** Logs in as a browser would. @throws {ApiRefused} */
export async function logIn(url: string, name: string, password: string): Promise<Caller> {
  const sameOrigin = { "sec-fetch-site": "same-origin" };
  const { headers } = await request(url, "POST", "/session", sameOrigin, { name, password });
  const cookie = headers.getSetCookie()[0]?.split(";", 1)[0] ?? "";
  return {
    async send(method, path, body) {
      const response = await request(url, method, path, { ...sameOrigin, cookie }, body);
      const text = await response.text();
      return text === "" ? null : JSON.parse(text);
    },
  };
}

async function request(
  url: string,
  method: string,
  path: string,
  headers: Record<string, string>,
  body?: object,
): Promise<Response> {
  const response = await fetch(`${url}/api/v1${path}`, {
    method,
    headers: { ...headers, ...(body !== undefined && { "content-type": "application/json" }) },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  if (response.ok) return response;
  const problem = (await response.json()) as { code: string; title: string; detail?: string; errors?: object };
  const { code, title, detail = "", errors } = problem;
  throw new ApiRefused(code, `${method} ${path}: ${title} ${detail} ${errors ? JSON.stringify(errors) : ""}`.trim());
}
