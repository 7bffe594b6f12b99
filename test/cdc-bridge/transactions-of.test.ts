import { describe, expect, it } from 'vitest';
import { TableDecoders } from '../../cdc-bridge/source/binlog/decoding/table-decoders.ts';
import { noHints } from '../../cdc-bridge/source/binlog/decoding/table-hints.ts';
import { StaleHints } from '../../cdc-bridge/source/binlog/decoding/undecodable.ts';
import { transactionsOf } from '../../cdc-bridge/source/binlog/transactions/transactions-of.ts';
import { recordedEvents, recordedOptions, streamOf, transactionsIn } from './recorded.ts';

const events = recordedEvents('mariadb-transactions');

/** The same events in one batch of the stream. */
const atOnce = {
  ...streamOf([]),
  batches: async function* () {
    yield events;
  },
};

describe('transactions of a stream', () => {
  it('come in one batch where they came together, and those without changes take each other’s place', async () => {
    const batches: string[][] = [];
    for await (const batch of transactionsOf(atOnce, recordedOptions({ database: 'elsewhere' })))
      batches.push(batch.map(({ gtid, rows }) => `${gtid}:${rows.length}`));
    expect(batches).toEqual([['0-1-19:0', '0-1-20:1', '0-1-21:1', '0-1-27:0']]);
  });

  it('tell of the file and when it was created', async () => {
    const [first] = await transactionsIn(events);
    expect(first!.file).toEqual({ name: 'binlog.000001', createdAt: '2026-11-21T17:57:49.000Z' });
  });

  it('have what is known of the tables loaded anew after DDL, and once where a table map does not fit it', async () => {
    const decoders = new TableDecoders(noHints, 'mariadb');
    let stale = true;
    let loaded = 0;
    const reload = async () => {
      loaded += 1;
      stale = false;
    };
    const decoderFor = (map: Buffer) => {
      if (stale) throw new StaleHints('shop', 't', 'two columns');
      return decoders.for(map);
    };
    expect(await transactionsIn(events, { decoderFor, reload })).toHaveLength(9);
    expect(loaded).toBe(3);
  });

  it('stop, or park the table, where it does not fit even then', async () => {
    const decoderFor = () => {
      throw new StaleHints('shop', 't', 'two columns');
    };
    await expect(transactionsIn(events, { decoderFor })).rejects.toThrow(/^binlog binlog\.000001:\d+: rows of shop\.t/);
    const parked = await transactionsIn(events, { decoderFor, undecodable: 'park' });
    expect(parked[0]!.unread).toEqual([
      { reason: 'undecodable-table', sql: expect.stringContaining('two columns'), tables: ['t'] },
    ]);
  });
});
