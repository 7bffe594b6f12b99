import { hostname } from 'node:os';
import { murmur32 } from '../routing/murmur.ts';
import { compileAddressList } from './address-list.ts';
import type { Loose } from './compile-constraint.ts';
import { type Predicate, type ReadField, readerOf, stickyByDefault } from './flag-context.ts';

const always: Predicate = () => true;
const never: Predicate = () => false;

/** Unleash's own strategies but `gradualRolloutRandom`, which is chance. Constraints are not looked at here. */
const strategies: ReadonlyMap<unknown, (parameters: Loose) => Predicate | undefined> = new Map<
  unknown,
  (parameters: Loose) => Predicate | undefined
>([
  ['default', () => always],
  ['flexibleRollout', compileRollout],
  ['gradualRolloutUserId', (parameters) => compileGradual(parameters, 'userId')],
  ['gradualRolloutSessionId', (parameters) => compileGradual(parameters, 'sessionId')],
  ['userWithId', compileUsers],
  ['remoteAddress', ({ IPs }) => compileList(IPs, compileAddressList)],
  ['applicationHostname', ({ hostNames }) => compileList(hostNames, compileHostNames)],
]);

/**
 * A strategy as a predicate that says what unleash-client says; undefined where chance decides or where it is malformed. A strategy that
 * nobody knows never applies.
 */
export function compileStrategy({ name, parameters }: Loose): Predicate | undefined {
  const compile = strategies.get(name);
  if (!compile) return name === 'gradualRolloutRandom' ? undefined : never;
  return isObject(parameters) ? compile(parameters) : undefined;
}

/** Whether it is an object that members can be read of, and no list. */
export function isObject(value: unknown): value is Loose {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function compileRollout({ groupId, rollout, stickiness }: Loose): Predicate | undefined {
  const read = stickyReader(stickiness || 'default');
  return read && isText(groupId) ? placed(String(groupId || ''), Number(rollout), read) : undefined;
}

function stickyReader(stickiness: unknown): ReadField | undefined {
  if (stickiness === 'random') return undefined;
  return stickiness === 'default' ? stickyByDefault : readerOf(stickiness);
}

function compileGradual({ groupId, percentage }: Loose, field: 'userId' | 'sessionId'): Predicate | undefined {
  return isText(groupId) ? placed(String(groupId || ''), Number(percentage), readerOf(field)!) : undefined;
}

/** Whether the place of a value, from 1 to 100, lies within the percentage. A percentage that is no number holds nobody. */
function placed(group: string, percentage: number, read: ReadField): Predicate {
  if (!(percentage > 0)) return never;
  const hash = murmur32(`${group}:`, 0);
  return (facts, route) => {
    const id = read(facts, route);
    return id !== undefined && id !== '' && (hash(id) % 100) + 1 <= percentage;
  };
}

function compileUsers({ userIds }: Loose): Predicate | undefined {
  return compileList(userIds, (list) => {
    const users = new Set(list.split(/\s*,\s*/));
    const read = readerOf('userId')!;
    return (facts, route) => users.has(read(facts, route)!);
  });
}

function compileHostNames(list: string): Predicate {
  const here = (process.env.HOSTNAME || hostname() || 'undefined').toLowerCase();
  return list
    .toLowerCase()
    .split(/\s*,\s*/)
    .includes(here)
    ? always
    : never;
}

/** A list that is missing or empty holds nobody; one that is no text is malformed. */
function compileList(list: unknown, compile: (list: string) => Predicate): Predicate | undefined {
  if (!list) return never;
  return typeof list === 'string' ? compile(list) : undefined;
}

/** Whether it may name a group: text, a number, or nothing. */
function isText(value: unknown): boolean {
  return !value || typeof value === 'string' || typeof value === 'number';
}
