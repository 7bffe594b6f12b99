import { BridgeError } from '../../../errors.ts';

/** The error of bytes that are not what the row format says, or that this reader has no rule for. */
export function undecodable(what: string): BridgeError {
  return new BridgeError('binlog-undecodable', `binlog: ${what}`);
}

/**
 * Rows of this table can be read only with what information_schema tells, and that does not fit. The catalogue may be older than the table:
 * load it anew once and ask again; the same error then means that the table was changed after its rows were written.
 */
export class StaleHints extends BridgeError {
  readonly schema: string;
  readonly table: string;
  constructor(schema: string, table: string, why: string) {
    super(
      'binlog-undecodable',
      `binlog: rows of ${schema}.${table} name no columns, and the table as it is today does not fit them: ${why}; with binlog_row_metadata=FULL they name their columns`,
    );
    this.schema = schema;
    this.table = table;
  }
}
