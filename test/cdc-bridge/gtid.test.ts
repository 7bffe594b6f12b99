import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseGtidSet } from '../../cdc-bridge/positions/gtid.ts';

const uuid = '3e11fa47-71ca-11e1-9e33-c80aa9429562';
const numbers = fc.uniqueArray(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 40 });

describe('a MariaDB position', () => {
  it('covers every earlier transaction of a domain and none of a domain it does not name', () => {
    const position = parseGtidSet('mariadb', '0-1-57,1-1-9');
    expect([position.has('0-1-57'), position.has('0-1-58'), position.has('1-2-9'), position.has('2-1-1')]).toEqual([
      true,
      false,
      true,
      false,
    ]);
    expect(position.missing(parseGtidSet('mariadb', '0-1-60,1-1-4,5-1-2'))).toBe(5);
  });

  it('reads what it writes, and is empty for a server without a binlog', () => {
    const domains = fc.uniqueArray(
      fc.tuple(fc.nat(9), fc.integer({ min: 1, max: 9 }), fc.bigInt({ min: 1n, max: 2n ** 63n })),
      { selector: ([domain]) => domain },
    );
    fc.assert(
      fc.property(domains, (list) => {
        const text = list
          .sort(([a], [b]) => a - b)
          .map((part) => part.join('-'))
          .join(',');
        expect(parseGtidSet('mariadb', text).toString()).toBe(text);
      }),
    );
  });
});

describe('a MySQL GTID set', () => {
  it('holds exactly the transactions that were added, in any order', () => {
    fc.assert(
      fc.property(numbers, numbers, (added, asked) => {
        const set = added.reduce((so, n) => so.with(`${uuid}:${n}`), parseGtidSet('mysql', ''));
        const other = parseGtidSet('mysql', `${uuid}:${asked.join(':')}`);
        for (const n of asked) expect(set.has(`${uuid}:${n}`)).toBe(added.includes(n));
        expect(set.missing(other)).toBe(asked.filter((n) => !added.includes(n)).length);
        expect(parseGtidSet('mysql', set.toString()).toString()).toBe(set.toString());
      }),
    );
  });

  it('keeps tagged transactions apart from plain ones', () => {
    const set = parseGtidSet('mysql', `${uuid}:1-5:orders:1-2`);
    expect([set.has(`${uuid}:5`), set.has(`${uuid}:orders:2`), set.has(`${uuid}:orders:3`)]).toEqual([
      true,
      true,
      false,
    ]);
    expect(set.toString()).toBe(`${uuid}:1-5:orders:1-2`);
  });
});

it('says what it found when a GTID is malformed', () => {
  expect(() => parseGtidSet('mariadb', '0-1')).toThrow('"0-1", expected DOMAIN-SERVER-SEQUENCE');
  expect(() => parseGtidSet('mysql', 'nonsense')).toThrow('"nonsense", expected UUID:FROM-TO');
  expect(() => parseGtidSet('mysql', '').missing(parseGtidSet('mariadb', '0-1-1'))).toThrow('cannot be compared');
});
