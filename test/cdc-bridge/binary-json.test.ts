import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Unreadable } from '../../cdc-bridge/mapping/row-change.ts';
import { geometryCell } from '../../cdc-bridge/source/binlog/decoding/geometry.ts';
import { parseJsonPath } from '../../cdc-bridge/source/binlog/decoding/json/json-path.ts';
import { jsonText } from '../../cdc-bridge/source/binlog/decoding/json/json-text.ts';
import { partialJsonText } from '../../cdc-bridge/source/binlog/decoding/json/partial-json.ts';

/** What a MySQL wrote into its binlog, in base64, and what its SELECT showed of the same. */
interface Recorded {
  readonly documents: readonly { readonly binary: string; readonly text: string }[];
  readonly diffs: readonly { readonly before: string; readonly diffs: string; readonly after: string }[];
}

const recorded = JSON.parse(readFileSync(new URL('./fixtures/mysql-json.json', import.meta.url), 'utf8')) as Recorded;
const bytes = (base64: string) => Buffer.from(base64, 'base64');
const textOf = (binary: Buffer) => jsonText(binary, 0, binary.length);

describe('the binary JSON of MySQL', () => {
  it('reads as the text that SELECT showed, every recorded document', () => {
    expect(recorded.documents.map(({ binary }) => textOf(bytes(binary)))).toEqual(
      recorded.documents.map(({ text }) => text),
    );
  });

  it('reads the part of a larger buffer that it is told', () => {
    const [{ binary, text }] = recorded.documents.slice(-1) as [Recorded['documents'][number]];
    const inside = Buffer.concat([Buffer.from('xyz'), bytes(binary), Buffer.from('xyz')]);
    expect(jsonText(inside, 3, inside.length - 3)).toBe(text);
  });

  it('reads a document of no bytes, which a server that is not strict stores, as null', () => {
    expect(textOf(Buffer.alloc(0))).toBe('null');
  });

  it('gives the after value of every recorded diff', () => {
    expect(recorded.diffs.map(({ before, diffs }) => partialJsonText(bytes(before), bytes(diffs)))).toEqual(
      recorded.diffs.map(({ after }) => after),
    );
  });

  it('refuses a diff that does not fit the document as it was', () => {
    const before = bytes(recorded.diffs[0]!.before);
    const removal = (path: string) => Buffer.concat([Buffer.from([2, path.length]), Buffer.from(path)]);
    for (const path of ['$', '$.nothing', '$.a[9]', '$.a.b', '$.b[0]', '$.a[', 'a'])
      expect(() => partialJsonText(before, removal(path)), path).toThrow(RangeError);
  });

  it('refuses text that is not UTF-8 instead of guessing', () => {
    expect(() => textOf(Buffer.from([0x0c, 2, 0xc3, 0x28]))).toThrow(/not UTF-8/);
    expect(textOf(Buffer.from([0x0c, 3, 0xef, 0xbf, 0xbd]))).toBe('"\uFFFD"');
  });

  it('refuses a container whose entries lead to one place again and again, which would never end', () => {
    const levels = 12;
    const width = 200;
    const arrays = Array.from({ length: levels }, () => {
      const entry = Buffer.from([0x02, 4 + 3 * width, 0]);
      entry.writeUInt16LE(4 + 3 * width, 1);
      const head = Buffer.alloc(4);
      head.writeUInt16LE(width, 0);
      return Buffer.concat([head, ...Array.from({ length: width }, () => entry)]);
    });
    expect(() => textOf(Buffer.concat([Buffer.from([0x02]), ...arrays, Buffer.alloc(4)]))).toThrow(/overlap/);
  });

  it('gives text or a RangeError for any bytes, and never text longer than its bytes can mean', () => {
    const damaged = fc
      .tuple(fc.constantFrom(...recorded.documents), fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 8 }))
      .map(([{ binary }, changes]) => {
        const mutated = bytes(binary);
        for (const [at, value] of changes) mutated[at % mutated.length] = value;
        return mutated;
      });
    fc.assert(
      fc.property(fc.oneof(damaged, fc.uint8Array({ maxLength: 64 }).map(Buffer.from)), (binary) => {
        const text = textOrRangeError(() => textOf(binary));
        expect(text.length).toBeLessThanOrEqual(30 * (binary.length + 10));
      }),
      { numRuns: 5_000 },
    );
  });

  it('gives text or a RangeError for any diffs', () => {
    const damaged = fc
      .tuple(fc.constantFrom(...recorded.diffs), fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 4 }))
      .map(([{ before, diffs }, changes]) => {
        const mutated = bytes(diffs);
        for (const [at, value] of changes) mutated[at % mutated.length] = value;
        return [bytes(before), mutated] as const;
      });
    fc.assert(
      fc.property(damaged, ([before, diffs]) => {
        textOrRangeError(() => partialJsonText(before, diffs));
      }),
      { numRuns: 2_000 },
    );
  });
});

/** Lets any other error through. */
function textOrRangeError(read: () => string): string {
  try {
    return read();
  } catch (error) {
    if (error instanceof RangeError) return error.message;
    throw error;
  }
}

describe('a path of a JSON diff', () => {
  it('is a list of keys and places', () => {
    expect(parseJsonPath('$.a[0]."b \\"c\\"".é[last][last - 2]')).toEqual([
      { key: 'a' },
      { index: 0 },
      { key: 'b "c"' },
      { key: 'é' },
      { fromLast: 0 },
      { fromLast: 2 },
    ]);
    expect(parseJsonPath('$')).toEqual([]);
  });
});

describe('a geometry', () => {
  it('is its SRID and its WKB', () => {
    const point = bytes('5hAAAAEBAAAAAAAAAAAA8D8AAAAAAAAAQA==');
    expect(geometryCell(point)).toEqual({ srid: 4326, wkb: 'AQEAAAAAAAAAAADwPwAAAAAAAABA' });
  });

  it('is unreadable when it is too short to be one', () => {
    expect(geometryCell(Buffer.alloc(8))).toBeInstanceOf(Unreadable);
  });
});
