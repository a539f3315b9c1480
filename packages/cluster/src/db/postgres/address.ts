/** Where a PostgreSQL database is and who logs in. Never printed whole: see {@link describeAddress}. */
export interface PostgresAddress {
  /** A host name, an address, or the directory of a Unix socket. */
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly user: string;
  /** Undefined: what PGPASSWORD or the operator's password file (PGPASSFILE, ~/.pgpass) says, as with `psql`. */
  readonly password?: string | undefined;
  /** The certificate is verified, the host's name included; `ca` null: against the authorities that Node knows. */
  readonly tls: { readonly ca: string | null } | null;
}

/** The address for people: without user and password. */
export function describeAddress({ host, port, database }: PostgresAddress): string {
  return `database ${database} on ${host.includes(":") ? `[${host}]` : host}:${port}`;
}
