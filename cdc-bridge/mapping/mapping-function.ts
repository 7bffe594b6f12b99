import type { Json, JsonObject } from '../../contract/json.ts';
import { eventName } from './event-rule.ts';
import type { RowChange } from './row-change.ts';
import { isStreamName } from './template.ts';
import { Unclear } from './unclear.ts';

/** An event that a mapping function returns. `action` may be left out under a rule: it is then the rule's name; `stream`: the table's. */
export interface FunctionEvent {
  readonly action?: string;
  readonly data?: JsonObject;
  readonly stream?: string;
}

/**
 * What a mapping function is given, all of it frozen. `transaction` are the changes of the same transaction in their order, of the tables that are
 * mapped, joined or named by `sees`.
 */
export interface FunctionInput {
  readonly change: RowChange;
  readonly transaction: readonly RowChange[];
}

/**
 * A function that a table or a rule names with `use`. It must depend on nothing but its input: a change that is read again must give the same events.
 * What it throws, or returns that is no event, parks the change.
 */
export type MappingFunction = (input: FunctionInput) => FunctionEvent | readonly FunctionEvent[] | null | undefined;

/** Functions by the place that names them: `TABLE` or `TABLE.EVENT`. */
export type MappingFunctions = ReadonlyMap<string, MappingFunction>;

/** A function's event with nothing left open but the stream. */
export interface CheckedEvent {
  readonly action: string;
  readonly data: JsonObject;
  readonly stream?: string;
}

/**
 * Calls a function and gives what it returned, checked and copied; `action` is that of events which name none. Throws Unclear `function-failed`; an
 * Unclear passes through.
 */
export function callFunction(use: MappingFunction, input: FunctionInput, action: string | undefined): CheckedEvent[] {
  const returned = attempt(use, input);
  if (returned === undefined || returned === null) return [];
  return (Array.isArray(returned) ? returned : [returned]).map((event, index) => checkedEvent(event, index, action));
}

function attempt(use: MappingFunction, input: FunctionInput): unknown {
  try {
    return use(input);
  } catch (error) {
    if (error instanceof Unclear) throw error;
    throw failed(error instanceof Error ? `it threw ${error.name}: ${error.message}` : `it threw ${String(error)}`);
  }
}

function checkedEvent(value: unknown, index: number, defaultAction: string | undefined): CheckedEvent {
  const at = `event ${index}`;
  if (!isPlain(value)) throw failed(`${at} is ${described(value)}, expected {action, data, stream}`);
  const { action = defaultAction, data = {}, stream, ...rest } = value;
  const [unknown] = Object.keys(rest);
  if (unknown !== undefined) throw failed(`${at} has ${unknown}, expected action, data and stream only`);
  const named = eventName.safeParse(action);
  if (!named.success)
    throw failed(`${at} has action ${JSON.stringify(action)}, expected lower-case words joined by hyphens`);
  if (stream !== undefined && !isStreamName(stream))
    throw failed(`${at} has a stream that is no text, is empty or has a NUL`);
  if (!isPlain(data)) throw failed(`${at} has data that is ${described(data)}, expected an object`);
  return {
    action: named.data,
    data: checkedJson(data, `${at} data`) as JsonObject,
    ...(stream === undefined ? {} : { stream }),
  };
}

function checkedJson(value: unknown, at: string): Json {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return value;
  if (typeof value === 'number' && Number.isFinite(value)) return value;
  if (Array.isArray(value)) return value.map((item, index) => checkedJson(item, `${at}[${index}]`));
  if (!isPlain(value)) throw failed(`${at} is ${described(value)}, expected JSON`);
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, checkedJson(member, `${at}.${key}`)]));
}

function isPlain(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

function described(value: unknown): string {
  if (value instanceof Promise) return 'a promise';
  if (typeof value === 'object' && value !== null) return `a ${value.constructor?.name ?? 'object'}`;
  return String(value);
}

function failed(detail: string): Unclear {
  return new Unclear('function-failed', detail);
}
