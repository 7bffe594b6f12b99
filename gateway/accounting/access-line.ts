import { type Reason, reasonCode } from '../routing/reasons.ts';
import { unitHash } from './hashes.ts';
import { jsonText } from './json-text.ts';
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
 * Optimization: written by hand, with what repeats remembered as JSON. JSON.stringify of the same object takes three times as long.
 */
export function createAccessLine({ query, userHash }: AccessLineOptions): AccessLine {
  const timeOf = createTimeText();
  const known = createKnownTexts();
  const repeating = (name: string, value: string | undefined) =>
    value === undefined ? '' : `,"${name}":${known(value)}`;
  return (record) => {
    const { trace, side, status, retries } = record;
    return (
      `{"time":"${timeOf(record.startedAtMs)}","requestId":${jsonText(record.requestId)},"traceId":"${trace.traceId}"` +
      (trace.sampled ? ',"sampled":true' : '') +
      text('client', record.clientAddress) +
      repeating('host', record.host) +
      repeating('method', record.method) +
      text('target', query ? record.target : pathOf(record.target)) +
      repeating('route', record.route) +
      repeating('capability', record.capability) +
      repeating('stage', record.stage) +
      (side === undefined ? '' : `,"side":"${side}"`) +
      (record.shadow === undefined ? '' : `,"shadow":"${record.shadow}"`) +
      decisionOf(record.reasons, known) +
      (record.assignmentKey === undefined ? '' : `,"unit":"${unitHash(record.assignmentKey)}"`) +
      (record.user === undefined ? '' : `,"user":"${userHash(record.user)}"`) +
      (status === undefined ? '' : `,"status":${status}`) +
      `,"outcome":"${record.outcome}"` +
      repeating('code', record.code) +
      `,"durationMs":${millisecondsText(record.durationMs)}` +
      duration('firstByteMs', record.firstByteMs) +
      duration('waitedMs', record.waitedMs) +
      (retries === 0 ? '' : `,"retries":${retries}`) +
      count('bytesIn', record.bytesIn) +
      count('bytesOut', record.bytesOut) +
      text('fallback', record.fallback) +
      '}\n'
    );
  };
}

function text(name: string, value: string | undefined): string {
  return value === undefined ? '' : `,"${name}":${jsonText(value)}`;
}

function pathOf(target: string | undefined): string | undefined {
  if (target === undefined) return undefined;
  const mark = target.indexOf('?');
  return mark < 0 ? target : target.slice(0, mark);
}

/** Optimization: a loop, because `map` and `join` make an array for every request. */
function decisionOf(reasons: readonly Reason[], known: (text: string) => string): string {
  if (reasons.length === 0) return '';
  let list = known(reasonCode(reasons[0]!));
  for (let index = 1; index < reasons.length; index += 1) list += `,${known(reasonCode(reasons[index]!))}`;
  return `,"decision":[${list}]`;
}

function duration(name: string, value: number | undefined): string {
  return value === undefined ? '' : `,"${name}":${millisecondsText(value)}`;
}

function count(name: string, value: number | undefined): string {
  return value === undefined ? '' : `,"${name}":${value}`;
}

const threeDigits = Array.from({ length: 1000 }, (_, number) => String(number).padStart(3, '0'));

/** `12.345`. Optimization: as two whole numbers; printing a fraction searches for the shortest that reads back the same. */
function millisecondsText(durationMs: number): string {
  const micros = Math.round(durationMs * 1000);
  const whole = Math.floor(micros / 1000);
  return `${whole}.${threeDigits[micros - whole * 1000]!}`;
}

/** `2026-01-31T12:00:00.123Z`. Optimization: the second's text is made once a second. */
function createTimeText(): (epochMs: number) => string {
  let second = Number.NaN;
  let upToSecond = '';
  return (epochMs) => {
    const now = Math.floor(epochMs / 1000);
    if (now !== second) {
      second = now;
      upToSecond = new Date(now * 1000).toISOString().slice(0, 20);
    }
    return `${upToSecond}${threeDigits[epochMs - now * 1000]!}Z`;
  };
}

/** What is remembered. Texts of the configuration are far fewer; the bounds are for those that a client has a say in. */
const rememberedTexts = 10_000;
const rememberedLength = 200;

/** Texts that come again and again, as JSON. */
function createKnownTexts(): (text: string) => string {
  const known = new Map<string, string>();
  return (text) => {
    const found = known.get(text);
    if (found !== undefined) return found;
    const json = jsonText(text);
    if (text.length > rememberedLength) return json;
    if (known.size >= rememberedTexts) known.clear();
    known.set(text, json);
    return json;
  };
}
