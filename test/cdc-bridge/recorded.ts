import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { TableDecoders } from '../../cdc-bridge/source/binlog/decoding/table-decoders.ts';
import { noHints } from '../../cdc-bridge/source/binlog/decoding/table-hints.ts';
import type { BinlogEventStream } from '../../cdc-bridge/source/binlog/event-stream.ts';
import {
  type TransactionsOptions,
  transactionsOf,
} from '../../cdc-bridge/source/binlog/transactions/transactions-of.ts';
import type { SourceTransaction } from '../../cdc-bridge/source/change-source.ts';

const magicBytes = 4;

/** The events of a recorded binlog in test/fixtures/binlog. */
export function recordedEvents(name: string): Buffer[] {
  const bytes = readFileSync(join(import.meta.dirname, '..', 'fixtures', 'binlog', `${name}.binlog`));
  const events: Buffer[] = [];
  for (let at = magicBytes; at < bytes.length; at += events.at(-1)!.length)
    events.push(bytes.subarray(at, at + bytes.readUInt32LE(at + 9)));
  return events;
}

/** A stream of these events, a batch each. */
export function streamOf(events: readonly Buffer[]): BinlogEventStream {
  return {
    server: { flavour: 'mariadb', version: 'recorded', id: '1' },
    startsWithChecksums: false,
    async *batches() {
      for (const event of events) yield [event];
    },
    close: async () => {},
  };
}

/** How the recorded binlogs are read: database `shop`, in which `m` is a MyISAM table. */
export function recordedOptions(changed: Partial<TransactionsOptions> = {}): TransactionsOptions {
  const decoders = new TableDecoders(noHints, 'mariadb');
  return {
    database: 'shop',
    file: { name: 'binlog.000001', offset: magicBytes },
    decoderFor: (map) => decoders.for(map),
    staysOnRollback: (table) => table === 'm',
    undecodable: 'stop',
    limits: { pieceRows: 5_000, pieceBytes: 4 * 1024 * 1024, maxHeldBytes: 64 * 1024 * 1024 },
    maxEventBytes: 2 ** 20,
    reload: async () => {},
    ...changed,
  };
}

export async function transactionsIn(
  events: readonly Buffer[],
  changed: Partial<TransactionsOptions> = {},
): Promise<SourceTransaction[]> {
  const found: SourceTransaction[] = [];
  for await (const batch of transactionsOf(streamOf(events), recordedOptions(changed))) found.push(...batch);
  return found;
}
