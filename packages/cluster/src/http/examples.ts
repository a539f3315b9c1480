import { Value } from "typebox/value";

/** A JSON schema as far as examples and the page of the API look into it. */
export interface JsonSchema {
  readonly type?: string | readonly string[];
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly JsonSchema[];
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly items?: JsonSchema;
  readonly additionalProperties?: boolean | JsonSchema;
  readonly patternProperties?: Readonly<Record<string, JsonSchema>>;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly pattern?: string;
  readonly format?: string;
  readonly default?: unknown;
  readonly examples?: readonly unknown[];
  readonly description?: string;
  /** What a pattern or a format asks for, in words. */
  readonly mustBe?: string;
}

const id = (end: string) => `01a20cba-5d10-7c2e-9b41-${end.padStart(12, "0")}`;
const hash = "5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef";

/** What members of that name show; the first that fits the member's schema is taken. */
const byName: Readonly<Record<string, readonly unknown[]>> = {
  id: [id("a9e27"), "sess-7f3a"],
  tenantId: [id("7e7a27")],
  agentId: [id("a9e27")],
  profileId: [id("9f0f17e")],
  userId: [id("05e4")],
  requestId: [id("4e90e57")],
  name: ["Hamburg", "db-07"],
  "profile.name": ["Locked"],
  "profile.id": [id("9f0f17e")],
  "tenant.id": [id("7e7a27")],
  "tenant.name": ["Hamburg"],
  "who.id": [id("05e4")],
  "who.name": ["olga"],
  "who.kind": ["user"],
  "by.id": [id("05e4")],
  "by.name": ["olga"],
  "issuedBy.id": [id("05e4")],
  "issuedBy.name": ["olga"],
  "madeBy.id": [id("05e4")],
  "madeBy.name": ["olga"],
  "target.kind": ["agent-token"],
  "target.name": ["db-07.example.com"],
  kind: ["tenant"],
  why: ["The update of the database server fails while its agent cannot be stopped."],
  advice: ["Find out who was at the workload, and generate no further token before you know."],
  issuedBy: ["olga"],
  revokedByName: ["olga"],
  createdBy: ["olga"],
  x: ["11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"],
  request: ["eyJhbGciOiJFZDI1NTE5IiwidHlwIjoiYWdlbnQtY2hlY2staW4rand0In0…"],
  answer: ["eyJhbGciOiJFZDI1NTE5IiwidHlwIjoiYWdlbnQtYW5zd2VyK2p3dCJ9…"],
  checkpoint: ["eyJhbGciOiJFZDI1NTE5IiwidHlwIjoiYXVkaXQtY2hlY2twb2ludCtqd3QifQ…"],
  jws: ["eyJhbGciOiJFZDI1NTE5IiwidHlwIjoiYXVkaXQtY2hlY2twb2ludCtqd3QifQ…"],
  hostName: ["db-07.example.com"],
  tenantName: ["Hamburg"],
  profileName: ["Locked"],
  q: ["db-0"],
  reason: ["The update of the database server fails while its agent cannot be stopped."],
  ticket: ["CHG-4711"],
  comment: ["Known: the server is being replaced."],
  challenge: ["4K7M-Q2XV-9H3T-B6WP"],
  password: ["a sentence that nobody guesses"],
  newPassword: ["another sentence that nobody guesses"],
  token: ["eyJhbGciOiJFZDI1NTE5IiwidHlwIjoiYWdlbnQtdG9rZW4rand0Iiwia2lkIjoi…"],
  key: [`postern-ak1.${id("4e1")}.…`, "pst_…"],
  kid: ["kVtTFYDpkWKvfoDZXTYpDuyzDYDnZQBFtsIPhZN1xDw"],
  version: [2, "0.1.0"],
  agentVersion: ["0.1.0"],
  osVersion: ["10.0.20348"],
  arch: ["x64"],
  machineId: ["4c4c4544-0042-3510-8052-b9c04f4d4d32"],
  addresses: [["10.0.0.7"]],
  address: ["192.0.2.17"],
  label: ["database"],
  labels: [["database", "production"]],
  description: ["For the servers of the new hall"],
  hash: [hash, "X3C_GKCGAHAW6Uiwes1LghA6Nr6kF1W2zd-vEKzjxu8"],
  action: ["agent-token.generate"],
  detail: ["What this was about, in one sentence."],
  title: ["Agent tokens"],
  serviceProtection: [],
  before: ["2026-08-24T08:00:00.000Z"],
  since: ["2026-11-23T08:00:00.000Z"],
  until: ["2026-11-24T08:00:00.000Z"],
  expiresAt: ["2026-11-24T08:15:00.000Z"],
  seq: [42],
  n: [1440],
  count: [3],
  limit: [50],
  nextCursor: [null],
  revokedAt: [null],
  revokedBy: [null],
  wouldDrop: [null],
  refused: [null],
  fault: [null],
  rollbackOf: [null],
  services: [["Sysmon64"]],
  budgetLeft: [14_400],
  liftSeconds: [14_400],
  url: ["https://postern.example.com"],
  urls: [["https://postern.example.com"]],
  urlsBefore: [["https://old.example.com"]],
  sha256: [hash, "X3C_GKCGAHAW6Uiwes1LghA6Nr6kF1W2zd-vEKzjxu8"],
  fromAddress: ["192.0.2.17"],
};

const texts: readonly string[] = [
  "text",
  id("1d"),
  "2026-11-24T08:00:00.000Z",
  "a text of some length, long enough for what asks for a sentence",
  "eyJhbGciOiJFZDI1NTE5In0.eyJub25jZSI6Ii4uLiJ9.c2lnbmF0dXJl",
  hash,
  "10.0.0.0/8",
  "db-*",
  "0.1.0",
  "12",
  "ABCD",
  "https://postern.example.com",
  "https://postern.example.com/",
];

/**
 * A value that fits the schema and looks like one that the cluster would take or give. It has every member, also those that
 * may be left out, so that it shows what there is.
 *
 * @param name the member's name, by which its value is chosen
 * @param within the name of the member that it is in
 */
export function exampleOf(schema: JsonSchema, name = "", within = ""): unknown {
  const [given] = schema.examples ?? [];
  if (given !== undefined) return given;
  if (schema.const !== undefined) return schema.const;
  const values = [...(byName[`${within}.${name}`] ?? []), ...(byName[name] ?? [])];
  const known = values.find((value) => fits(schema, value));
  if (known !== undefined) return known;
  if (schema.default !== undefined) return schema.default;
  if (schema.enum) return schema.enum[0];
  if (schema.anyOf) return exampleOf(schema.anyOf.find(({ type }) => type !== "null") ?? {}, name, within);
  switch ([schema.type].flat()[0]) {
    case "object":
      return exampleObject(schema, name);
    case "array": {
      const item = exampleOf(schema.items ?? {}, singularOf(name));
      return Array.from({ length: Math.max(1, schema.minItems ?? 0) }, () => item);
    }
    case "integer":
    case "number":
      return Math.min(Math.max(schema.minimum ?? 1, 1), schema.maximum ?? Number.MAX_SAFE_INTEGER);
    case "boolean":
      return true;
    case "string":
      return exampleText(schema, name);
    default:
      return null;
  }
}

function exampleObject({ properties = {}, patternProperties, additionalProperties }: JsonSchema, of: string): unknown {
  const members = Object.entries(properties).map(([name, schema]) => [name, exampleOf(schema, name, of)]);
  const open = Object.values(patternProperties ?? {})[0] ?? additionalProperties;
  if (members.length === 0 && typeof open === "object") return { name: exampleOf(open) };
  return Object.fromEntries(members);
}

function exampleText(schema: JsonSchema, name: string): string {
  const hints = /At$/.test(name) ? ["2026-11-24T08:00:00.000Z"] : /Name$/.test(name) ? ["Hamburg"] : [];
  const text = [...hints, ...texts].find((one) => fits(schema, one));
  return text ?? "x".repeat(schema.minLength ?? 1);
}

function singularOf(name: string): string {
  return name.endsWith("Ids") ? name.slice(0, -1) : name.replace(/s$/, "");
}

/** Whether the value is what the schema asks for. */
export function fits(schema: JsonSchema, value: unknown): boolean {
  return Value.Check(schema, value);
}
