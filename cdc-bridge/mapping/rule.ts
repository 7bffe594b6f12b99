import type { JsonObject } from '../../contract/json.ts';
import { hasChanged, type Images, readCell } from './cell.ts';
import type { EventRule } from './event-rule.ts';
import { type CompiledJoin, compileJoin } from './joined-rows.ts';
import { callFunction, type MappingFunction } from './mapping-function.ts';
import { compileAlternatives, compilePattern, type RowTest } from './pattern.ts';
import { compilePayload, type JoinedRows } from './payload.ts';
import { functionRule } from './table-mapping.ts';
import type { ReadChange, Transaction } from './transaction.ts';

/** What a rule makes of a change. */
export interface RuleEvent {
  readonly action: string;
  /** Stands in the event's id. */
  readonly rule: string;
  readonly schema: number;
  readonly data: JsonObject;
  /** When it is not the table's. */
  readonly stream?: string;
}

/** Adds the events that a rule makes of a change; none when it does not match. */
export type CompiledRule = (change: ReadChange, transaction: Transaction, events: RuleEvent[]) => void;

/** Compiles a rule of a table; `use` is the function that it names. */
export function compileRule(
  name: string,
  rule: EventRule,
  excluded: ReadonlySet<string>,
  use: MappingFunction | undefined,
): CompiledRule {
  const tests = [
    compileChanged(rule),
    compilePattern(rule.before, 'before'),
    compilePattern(rule.after, 'after'),
  ].filter(isDefined);
  const joins = Object.entries(rule.join ?? {}).map(([name, join]) => [name, compileJoin(join)] as const);
  const { schema, event: action = name } = rule;
  const payload = compilePayload(rule.data, excluded);
  const byFunction = use && compileFunction(name, schema, use, action);
  return (change, transaction, events) => {
    for (const test of tests) if (!test(change)) return;
    const joined = joins.length === 0 ? noRows : joinAll(joins, change, transaction);
    if (!joined) return;
    if (byFunction) byFunction(change, transaction, events);
    else events.push({ action, rule: name, schema, data: payload(change, joined) });
  };
}

/** A function as a rule; its events are told apart by their place in what it returned. Without `action` each must say its own. */
export function compileFunction(name: string, schema: number, use: MappingFunction, action?: string): CompiledRule {
  return (change, transaction, events) => {
    const input = {
      change: transaction.show(change),
      get transaction() {
        return transaction.shown();
      },
    };
    for (const [index, event] of callFunction(use, input, action).entries())
      events.push({ ...event, rule: functionRule(name, index), schema });
  };
}

const noRows: JoinedRows = {};

/** All rows of a rule's joins; undefined when one says that the rule does not match. */
function joinAll(
  joins: readonly (readonly [string, CompiledJoin])[],
  images: Images,
  transaction: Transaction,
): JoinedRows | undefined {
  const rows: Record<string, JoinedRows[string]> = {};
  for (const [name, join] of joins) {
    const row = join(images, transaction);
    if (row === 'no-match') return undefined;
    rows[name] = row;
  }
  return rows;
}

/** Undefined when a rule asks nothing of what changed. */
export function compileChanged({ changed }: Pick<EventRule, 'changed'>): RowTest | undefined {
  if (!changed) return undefined;
  if (Array.isArray(changed)) return anyChanged(changed);
  const columns = Object.entries(changed).map(([column, { from, to }]) => ({
    column,
    from: from && compileAlternatives(from),
    to: to && compileAlternatives(to),
  }));
  return (images) =>
    columns.every(
      ({ column, from, to }) =>
        hasChanged(images, column) &&
        (!from || from(readCell(images, column, 'before'))) &&
        (!to || to(readCell(images, column, 'after'))),
    );
}

/** Optimization: a loop, since it is asked of every rule for updates. */
function anyChanged(columns: readonly string[]): RowTest {
  return (images) => {
    for (const column of columns) if (hasChanged(images, column)) return true;
    return false;
  };
}

function isDefined<T>(value: T | undefined): value is T {
  return value !== undefined;
}
