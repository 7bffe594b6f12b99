import type { Images } from './cell.ts';
import type { Join } from './event-rule.ts';
import { joinKey } from './join-key.ts';
import { compilePattern } from './pattern.ts';
import type { Transaction } from './transaction.ts';
import { Unclear } from './unclear.ts';

/** What a join comes to: the other row, nothing in its place, or the rule's not matching. */
export type Joined = Images | 'nulls' | 'no-match';

export type CompiledJoin = (images: Images, transaction: Transaction) => Joined;

/** Compiles one join of a rule. It throws Unclear when the row is required and its transaction did not change it. */
export function compileJoin({ table, on, op, before, after, missing }: Join): CompiledJoin {
  const theirs = Object.keys(on);
  const ours = Object.values(on);
  const wasSo = compilePattern(before, 'before');
  const isSo = compilePattern(after, 'after');
  const index = { table, op, columns: theirs };
  return (images, transaction) => {
    const key = joinKey(images, ours);
    const found = key === undefined ? undefined : transaction.last(index, key);
    if (!found) return whenMissing(missing, `${table} with ${theirs.join(', ')} = ${key ?? 'NULL'}`);
    const fits = (!wasSo || wasSo(found)) && (!isSo || isSo(found));
    return fits ? found : 'no-match';
  };
}

function whenMissing(missing: Join['missing'], what: string): 'nulls' | 'no-match' {
  if (missing !== 'park') return missing;
  throw new Unclear('joined-row-missing', `the transaction changed no row of ${what}`);
}
