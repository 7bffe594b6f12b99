import { type Body, decodeBody, readBody } from './body.ts';
import { compareHeaders } from './compare-headers.ts';
import { compareJson } from './compare-json.ts';
import { compareText } from './compare-text.ts';
import type { CompareRules } from './config.ts';
import { type Difference, Findings, type IgnoredDifference } from './difference.ts';
import type { Observation } from './observation.ts';

type Answer = Extract<Observation, { kind: 'answer' }>;

/** Why nothing can be said about a pair of answers: always a trait of control's. */
export type Obstacle =
  | 'control-failed'
  | 'control-oversize'
  | 'control-undecodable'
  | 'partial-content'
  | 'not-modified';

/**
 * What comparing two answers gave. `equal`: no difference at all. `matched`: only differences that rules declare harmless.
 * `mismatched`: at least one other; a candidate that failed, is oversize or cannot be decoded is mismatched too.
 */
export type Comparison =
  | { readonly kind: 'equal' }
  | { readonly kind: 'matched'; readonly ignored: readonly IgnoredDifference[] }
  | {
      readonly kind: 'mismatched';
      readonly differences: readonly [Difference, ...Difference[]];
      readonly ignored: readonly IgnoredDifference[];
    }
  | NotComparable;

/** Control's answer is of a kind that nothing can be compared with. */
export interface NotComparable {
  readonly kind: 'not-comparable';
  readonly reason: Obstacle;
  readonly detail: string;
}

/** Compares the candidate's answer with control's. Pure; throws on no input. */
export function compare(control: Observation, candidate: Observation, rules: CompareRules): Comparison {
  if (control.kind === 'failure') return notComparable('control-failed', control.reason);
  const obstacle = obstacleOf(control);
  if (obstacle) return obstacle;
  if (candidate.kind === 'failure') {
    return mismatched({ kind: 'failure', path: 'answer', reason: candidate.reason });
  }
  if (control.status !== candidate.status) {
    return mismatched({ kind: 'status', path: 'status', control: control.status, candidate: candidate.status });
  }
  const findings = compareHeaders(control.headers, candidate.headers, rules);
  const undecodable = isRedirect(control) ? undefined : compareBodies(control, candidate, rules, findings);
  return undecodable ?? verdictOf(findings);
}

/** Why nothing can be compared with this control, whatever the candidate answers; undefined when something can. */
export function obstacleOf(control: Observation): NotComparable | undefined {
  if (control.kind === 'failure') return notComparable('control-failed', control.reason);
  if (control.status === 206) return notComparable('partial-content', 'control answered 206 to a range');
  if (control.status === 304) return notComparable('not-modified', 'control answered 304 to a condition');
  if (control.oversize) return notComparable('control-oversize', `longer than ${control.body.length} bytes`);
  return undefined;
}

/** Adds what the bodies differ in; returns a comparison only when control's body cannot be read. Equal bytes are equal before anything is parsed. */
function compareBodies(control: Answer, candidate: Answer, rules: CompareRules, findings: Findings) {
  if (candidate.oversize) {
    const reason = `longer than ${candidate.body.length} bytes, control has ${control.body.length}`;
    findings.add({ kind: 'unreadable', path: 'body', reason });
    return undefined;
  }
  const sameCoding = control.headers['content-encoding'] === candidate.headers['content-encoding'];
  if (sameCoding && control.body.equals(candidate.body)) return undefined;
  const one = decodeBody(control.body, control.headers['content-encoding']);
  if ('reason' in one) return notComparable('control-undecodable', one.reason);
  const other = decodeBody(candidate.body, candidate.headers['content-encoding']);
  if ('reason' in other) findings.add({ kind: 'unreadable', path: 'body', reason: other.reason });
  else if (!one.bytes.equals(other.bytes)) {
    const left = readBody(one.bytes, control.headers['content-type']);
    findings.join(compareRead(left, readBody(other.bytes, candidate.headers['content-type']), rules));
  }
  return undefined;
}

function compareRead(control: Body, candidate: Body, rules: CompareRules): Findings {
  if (control.form === 'json' && candidate.form === 'json') return compareJson(control.value, candidate.value, rules);
  if (control.form === 'text' && candidate.form === 'text') return compareText(control.text, candidate.text, rules);
  const findings = new Findings();
  if (control.form === 'bytes' && candidate.form === 'bytes') {
    findings.add({ kind: 'bytes', path: 'body', control: control.digest, candidate: candidate.digest });
  } else {
    findings.add({ kind: 'form', path: 'body', control: control.form, candidate: candidate.form });
  }
  return findings;
}

function verdictOf({ differences, ignored }: Findings): Comparison {
  const [first, ...rest] = differences;
  if (first) return { kind: 'mismatched', differences: [first, ...rest], ignored };
  return ignored.length > 0 ? { kind: 'matched', ignored } : { kind: 'equal' };
}

/** A redirect's body is shown to nobody; its status and location say all. */
function isRedirect({ status, headers }: Answer): boolean {
  return status >= 300 && status < 400 && headers.location !== undefined;
}

function mismatched(difference: Difference): Comparison {
  return { kind: 'mismatched', differences: [difference], ignored: [] };
}

function notComparable(reason: Obstacle, detail: string): NotComparable {
  return { kind: 'not-comparable', reason, detail };
}
