/** What a check found. `problem`: something does not work or is open; `warning`: it will, or should be looked into. */
export interface Finding {
  readonly check: string;
  readonly state: "ok" | "warning" | "problem";
  /** One sentence. */
  readonly found: string;
  /** What to do next; null: nothing. */
  readonly next: string | null;
}

export function ok(check: string, found: string): Finding {
  return { check, state: "ok", found, next: null };
}

export function warning(check: string, found: string, next: string): Finding {
  return { check, state: "warning", found, next };
}

export function problem(check: string, found: string, next: string): Finding {
  return { check, state: "problem", found, next };
}

export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The worst of some findings. */
export function worstOf(findings: readonly Finding[]): Finding["state"] {
  if (findings.some(({ state }) => state === "problem")) return "problem";
  return findings.some(({ state }) => state === "warning") ? "warning" : "ok";
}
