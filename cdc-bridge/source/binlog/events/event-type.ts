/**
 * Type codes of binlog events, of both flavours: MariaDB's own begin at 160.
 * MySQL: libs/mysql/binlog/event/binlog_event.h, `Log_event_type`; MariaDB: sql/log_event.h.
 */
export const eventType = {
  query: 2,
  stop: 3,
  rotate: 4,
  intVar: 5,
  appendBlock: 9,
  deleteFile: 11,
  rand: 13,
  userVar: 14,
  formatDescription: 15,
  xid: 16,
  beginLoadQuery: 17,
  executeLoadQuery: 18,
  tableMap: 19,
  writeRowsV1: 23,
  updateRowsV1: 24,
  deleteRowsV1: 25,
  incident: 26,
  heartbeat: 27,
  ignorable: 28,
  rowsQuery: 29,
  writeRows: 30,
  updateRows: 31,
  deleteRows: 32,
  gtid: 33,
  anonymousGtid: 34,
  previousGtids: 35,
  transactionContext: 36,
  viewChange: 37,
  xaPrepare: 38,
  partialUpdateRows: 39,
  transactionPayload: 40,
  heartbeatV2: 41,
  taggedGtid: 42,
  annotateRows: 160,
  binlogCheckpoint: 161,
  mariadbGtid: 162,
  mariadbGtidList: 163,
  startEncryption: 164,
  compressedQuery: 165,
  compressedWriteRowsV1: 166,
  compressedUpdateRowsV1: 167,
  compressedDeleteRowsV1: 168,
  compressedWriteRows: 169,
  compressedUpdateRows: 170,
  compressedDeleteRows: 171,
} as const;

const names = new Map<number, string>(Object.entries(eventType).map(([name, code]) => [code, name]));

/** `tableMap`, or `type 22` for one that is not known here. */
export function eventTypeName(code: number): string {
  return names.get(code) ?? `type ${code}`;
}
