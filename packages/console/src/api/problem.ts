/** One wrong member of a request, by its JSON pointer (RFC 6901). */
export interface ProblemError {
  readonly pointer: string;
  readonly code: string;
  readonly detail: string;
}

export interface ProblemFields {
  /** The API's code, or `network_lost` when no answer came. */
  readonly code: string;
  /** 0 when no answer came. */
  readonly status: number;
  readonly title: string;
  readonly detail: string;
  readonly requestId?: string | undefined;
  readonly errors?: readonly ProblemError[] | undefined;
  /** From `Retry-After`. */
  readonly retryAfterSeconds?: number | undefined;
}

/** Everything that can go wrong with a request, as the API's problem+json says it (RFC 9457). Branch on `code`. */
export class ApiProblem extends Error {
  override readonly name = "ApiProblem";
  readonly code: string;
  readonly status: number;
  readonly title: string;
  readonly detail: string;
  readonly requestId: string | undefined;
  readonly errors: readonly ProblemError[];
  readonly retryAfterSeconds: number | undefined;

  constructor(fields: ProblemFields, options?: ErrorOptions) {
    super(`${fields.title}: ${fields.detail}`, options);
    this.code = fields.code;
    this.status = fields.status;
    this.title = fields.title;
    this.detail = fields.detail;
    this.requestId = fields.requestId;
    this.errors = fields.errors ?? [];
    this.retryAfterSeconds = fields.retryAfterSeconds;
  }
}

export function networkLost(cause: unknown): ApiProblem {
  const fields = {
    code: "network_lost",
    status: 0,
    title: "The cluster does not answer",
    detail: "Nothing was changed as far as this page knows. It tries again by itself.",
  };
  return new ApiProblem(fields, { cause });
}

/** The problem that an answer tells; also of a proxy that knows nothing of problem+json. */
export async function problemOf(response: Response): Promise<ApiProblem> {
  const body = (await response.json().catch(() => ({}))) as Partial<ProblemFields>;
  const retryAfter = Number(response.headers.get("retry-after"));
  return new ApiProblem({
    code: body.code ?? "unexpected_answer",
    status: response.status,
    title: body.title ?? `The answer was ${response.status}`,
    detail: body.detail ?? "It did not come from the cluster, or not in a form that this page knows.",
    requestId: body.requestId,
    errors: body.errors,
    retryAfterSeconds: retryAfter > 0 ? retryAfter : undefined,
  });
}

/** Whatever was thrown, as a problem that can be shown. */
export function toProblem(error: unknown): ApiProblem {
  if (error instanceof ApiProblem) return error;
  const detail = error instanceof Error ? error.message : String(error);
  return new ApiProblem({ code: "console_failed", status: 0, title: "This page failed", detail }, { cause: error });
}

/** True when trying again later can help: nobody answered, or the cluster said that it is not ready. */
export function isPassing({ status }: ApiProblem): boolean {
  return status === 0 || status === 502 || status === 503 || status === 504;
}
