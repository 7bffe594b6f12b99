import type { Json, JsonObject } from '../../contract/json.ts';
import { type Images, readCell } from './cell.ts';
import { type Payload, parseReference, payloadEntries } from './event-rule.ts';
import type { Joined } from './joined-rows.ts';
import { Unclear } from './unclear.ts';

/** The rows that a rule found by its joins, by their names. */
export type JoinedRows = Readonly<Record<string, Joined>>;

export type CompiledPayload = (images: Images, joined: JoinedRows) => JsonObject;

/** Compiles what a rule says its payload is; empty when it says nothing. */
export function compilePayload(data: Payload | undefined, excluded: ReadonlySet<string>): CompiledPayload {
  if (data === '*') return (images) => wholeRow(images, excluded);
  const members = payloadEntries(data).map(([key, reference]) => [key, compileReference(reference)] as const);
  return (images, joined) => {
    const payload: JsonObject = {};
    for (const [key, read] of members) payload[key] = read(images, joined);
    return payload;
  };
}

function wholeRow(images: Images, excluded: ReadonlySet<string>): JsonObject {
  const payload: JsonObject = {};
  for (const column of Object.keys({ ...images.before, ...images.after }))
    if (!excluded.has(column)) payload[column.replaceAll('_', '-')] = readCell(images, column);
  return payload;
}

function compileReference(reference: string): (images: Images, joined: JoinedRows) => Json {
  const { join, side, column } = parseReference(reference);
  if (join === undefined) return (images) => readCell(images, column, side);
  return (_images, joined) => {
    const row = joined[join];
    return row === undefined || typeof row === 'string' ? null : readJoined(row, join, column, side);
  };
}

function readJoined(row: Images, join: string, column: string, side: 'before' | 'after' | undefined): Json {
  try {
    return readCell(row, column, side);
  } catch (error) {
    throw error instanceof Unclear ? new Unclear(error.reason, `joined row ${join}: ${error.message}`) : error;
  }
}
