/**
 * An XA transaction's id as both servers print it in XA statements: `X'6761',X'',1` (global part, branch, format). Two events that speak of
 * one transaction have the same text.
 */
export function xidText(global: Buffer, branch: Buffer, format: number): string {
  return `X'${global.toString('hex')}',X'${branch.toString('hex')}',${format}`;
}

/** The id in the text of `XA START X'6761',X'',1` and the like; undefined where there is none. */
export function xidOfStatement(sql: string): string | undefined {
  const match = /^xa\s+\w+\s+(x'[0-9a-f]*'),\s*(x'[0-9a-f]*'),\s*(\d+)/i.exec(sql);
  if (!match) return undefined;
  const [, global = '', branch = '', format = ''] = match;
  return `X${global.slice(1).toLowerCase()},X${branch.slice(1).toLowerCase()},${format}`;
}
