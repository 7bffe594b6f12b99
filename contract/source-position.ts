/**
 * A place in a legacy database's binlog, always at the end of a transaction.
 * MariaDB: the set of last sequence numbers per domain, `mariadb:0-1-57` or `mariadb:0-1-57,1-1-9`.
 * MySQL: the executed GTID set, `mysql:3e11fa47-…:1-57`.
 * Neither: file and offset with the server's identity, `file:1@binlog.000003:4711`.
 */
export type SourcePosition =
  | { readonly kind: 'mariadb'; readonly gtids: string }
  | { readonly kind: 'mysql'; readonly gtids: string }
  | { readonly kind: 'file'; readonly server: string; readonly file: string; readonly offset: number };

export function formatSourcePosition(position: SourcePosition): string {
  return position.kind === 'file'
    ? `file:${position.server}@${position.file}:${position.offset}`
    : `${position.kind}:${position.gtids}`;
}

/** Throws a RangeError that says what was found and what was expected. */
export function parseSourcePosition(text: string): SourcePosition {
  const mariadb = /^mariadb:((?:\d+-\d+-\d+)(?:,\d+-\d+-\d+)*|)$/.exec(text);
  if (mariadb) return { kind: 'mariadb', gtids: mariadb[1]! };
  const mysql = /^mysql:([0-9a-fA-F:,\-\w]*)$/.exec(text);
  if (mysql) return { kind: 'mysql', gtids: mysql[1]! };
  const file = /^file:([^@]+)@([^:]+):(\d+)$/.exec(text);
  if (file) return { kind: 'file', server: file[1]!, file: file[2]!, offset: Number(file[3]) };
  throw new RangeError(
    `source position: found ${JSON.stringify(text.slice(0, 80))}, expected "mariadb:0-1-57", "mysql:UUID:1-57" or "file:SERVER@FILE:OFFSET"`,
  );
}
