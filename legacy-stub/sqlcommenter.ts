/** W3C Trace Context, version 00: https://www.w3.org/TR/trace-context/#traceparent-header. All-zero ids are invalid. */
const traceparent = /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;

/**
 * `sql` with the request's traceparent as a trailing comment, `UPDATE … /*traceparent='00-…'*\/`, in the format of
 * https://google.github.io/sqlcommenter/spec/. A header that is missing or of any other form is left out: it comes from
 * outside and goes into SQL text, so only what can be nothing but hexadecimal digits may pass.
 */
export function withTraceparent(sql: string, header: string | undefined): string {
  return header !== undefined && traceparent.test(header) ? `${sql} /*traceparent='${header}'*/` : sql;
}
