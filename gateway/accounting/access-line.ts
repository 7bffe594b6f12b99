import { ownCopy } from '../identity/own-copy.ts';
import { reasonCode } from '../routing/reasons.ts';
import { unitHash } from './hashes.ts';
import { jsonContent } from './json-text.ts';
import type { RequestRecord } from './request-record.ts';

/** Makes the line of a request, with its newline. */
export type AccessLine = (record: RequestRecord) => string;

/** What stands in a line beside what is known of the request. */
export interface AccessLineOptions {
  /** Whether the target is written with its query. */
  readonly query: boolean;
  readonly userHash: (user: string) => string;
}

/**
 * The maker of access-log lines. What a line has is told in docs/observability.md; fields that do not apply are left out.
 *
 * Optimization: written by hand, with what the configuration bounds remembered as JSON. JSON.stringify of the same object takes five times as long,
 * and each piece that is added costs once more when the line is encoded.
 */
export function createAccessLine({ query, userHash }: AccessLineOptions): AccessLine {
  const beginOf = createBegin();
  const wayOf = createKnownWays();
  return (record) => {
    const { trace, status, retries } = record;
    return (
      beginOf(record.startedAtMs) +
      jsonContent(record.requestId) +
      `","traceId":"${trace.traceId}"` +
      (trace.sampled ? ',"sampled":true' : '') +
      text(',"client":"', record.clientAddress) +
      text(',"host":"', record.host) +
      text(',"method":"', record.method) +
      text(',"target":"', query ? record.target : pathOf(record.target)) +
      wayOf(record) +
      (record.assignmentKey === undefined ? '' : `,"unit":"${unitHash(record.assignmentKey)}"`) +
      (record.user === undefined ? '' : `,"user":"${userHash(record.user)}"`) +
      (status === undefined ? '' : `,"status":${status}`) +
      `,"outcome":"${record.outcome}"` +
      (record.code === undefined ? '' : `,"code":"${record.code}"`) +
      duration(',"durationMs":', record.durationMs) +
      duration(',"firstByteMs":', record.firstByteMs) +
      (isWorthTelling(record.waitedMs) ? duration(',"waitedMs":', record.waitedMs) : '') +
      (retries === 0 ? '' : `,"retries":${retries}`) +
      count(',"bytesIn":', record.bytesIn) +
      count(',"bytesOut":', record.bytesOut) +
      text(',"fallback":"', record.fallback) +
      '}\n'
    );
  };
}

/** Every request waits a little until its side is asked; what it cost to decide is not meant. */
function isWorthTelling(waitedMs: number | undefined): boolean {
  return waitedMs !== undefined && waitedMs >= 1;
}

/** `field` is the field's name up to its value's opening quote; so here and below, because each piece costs. */
function text(field: string, value: string | undefined): string {
  return value === undefined ? '' : `${field}${jsonContent(value)}"`;
}

function pathOf(target: string | undefined): string | undefined {
  if (target === undefined) return undefined;
  const mark = target.indexOf('?');
  return mark < 0 ? target : target.slice(0, mark);
}

function duration(field: string, value: number | undefined): string {
  return value === undefined ? '' : field + millisecondsText(value);
}

function count(field: string, value: number | undefined): string {
  return value === undefined ? '' : field + value;
}

const threeDigits = Array.from({ length: 1000 }, (_, number) => String(number).padStart(3, '0'));

/** `12.345`. Optimization: as two whole numbers; printing a fraction searches for the shortest that reads back the same. */
function millisecondsText(durationMs: number): string {
  const micros = Math.round(durationMs * 1000);
  const whole = Math.floor(micros / 1000);
  return `${whole}.${threeDigits[micros - whole * 1000]!}`;
}

/**
 * The beginning of a line, up to its request id. Optimization: made once for all requests of a millisecond, and what stands for the second
 * once a second.
 */
function createBegin(): (epochMs: number) => string {
  let second = Number.NaN;
  let upToSecond = '';
  let latestMs = Number.NaN;
  let latest = '';
  return (epochMs) => {
    if (epochMs === latestMs) return latest;
    const now = Math.floor(epochMs / 1000);
    if (now !== second) upToSecond = new Date(now * 1000).toISOString().slice(0, 20);
    second = now;
    latestMs = epochMs;
    latest = `{"time":"${upToSecond}${threeDigits[epochMs - now * 1000]!}Z","requestId":"`;
    return latest;
  };
}

/** More than configurations have; the bound is for those that are changed again and again. */
const rememberedWays = 10_000;

/** A request's way as far as one of its steps, and the ways that go on from there. */
interface Way {
  /** `,"route":"GET /shipments/{id}",…,"decision":["match","stage:new"]` */
  readonly json: string;
  /** What the next step may be, and where it leads. */
  readonly keys: (string | undefined)[];
  readonly next: Way[];
}

/**
 * Where requests went and why, as JSON: route, stage, sides, decision. There are as many ways as routes, stages and entries of splits make,
 * and each is put into JSON once. Optimization: followed step by step, because a text to look it up by would first have to be made; after
 * the route there are but a few to choose from at each step, and a short list is nearer than a map.
 */
function createKnownWays(): (record: RequestRecord) => string {
  const routes = new Map<string | undefined, Way>();
  let ways = 0;
  const make = (json: string): Way => {
    ways += 1;
    return { json: ownCopy(json), keys: [], next: [] };
  };
  const routeOf = (key: string | undefined): Way => {
    let way = routes.get(key);
    if (!way) {
      way = make(key === undefined ? '' : named.route('', key));
      routes.set(key, way);
    }
    return way;
  };
  const step = (from: Way, key: string | undefined, json: (from: string, key: string) => string): Way => {
    const at = from.keys.indexOf(key);
    if (at >= 0) return from.next[at]!;
    const made = make(key === undefined ? from.json : json(from.json, key));
    from.keys.push(key);
    from.next.push(made);
    return made;
  };
  return (record) => {
    if (ways >= rememberedWays) {
      routes.clear();
      ways = 0;
    }
    let way = routeOf(record.route);
    way = step(way, record.capability, named.capability);
    way = step(way, record.stage, named.stage);
    way = step(way, record.side, named.side);
    way = step(way, record.shadow, named.shadow);
    for (let index = 0; index < record.reasons.length; index += 1) {
      way = step(way, reasonCode(record.reasons[index]!), listed);
    }
    return record.reasons.length === 0 ? way.json : `${way.json}]`;
  };
}

const field = (name: string) => (from: string, value: string) => `${from},"${name}":"${jsonContent(value)}"`;
const named = {
  route: field('route'),
  capability: field('capability'),
  stage: field('stage'),
  side: field('side'),
  shadow: field('shadow'),
};

/** The list stays open: more reasons may follow. */
function listed(from: string, code: string): string {
  return from.includes(',"decision":[')
    ? `${from},"${jsonContent(code)}"`
    : `${from},"decision":["${jsonContent(code)}"`;
}
