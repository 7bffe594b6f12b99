import type { CompareRules } from './config.ts';
import { Findings } from './difference.ts';
import type { LineSelector } from './selector.ts';

/** A middle part with more lines than this on a side is paired line by line instead of aligned. */
const maxAlignedLines = 500;

interface Line {
  readonly text: string;
  /** Starting at 1, in the text as received. */
  readonly number: number;
}

/**
 * Compares two texts line by line; a line's ending (CR LF or LF) tells nothing. Lines that a rule ignores are taken out of both first,
 * so a rule hides neither the lines around them nor their alignment. `path` counts lines of control, or of the candidate where only it
 * has the line.
 */
export function compareText(control: string, candidate: string, rules: CompareRules): Findings {
  const findings = new Findings();
  const selectors = rules.ignore.filter((selector) => selector.kind === 'line');
  const left = withoutIgnored(linesOf(control), selectors);
  const right = withoutIgnored(linesOf(candidate), selectors);
  noteIgnored(left.taken, right.taken, findings);
  for (const [one, other] of align(left.kept, right.kept)) {
    const path = `line ${(one ?? other)!.number}`;
    findings.add({ kind: 'line', path, control: one?.text, candidate: other?.text });
  }
  return findings;
}

function linesOf(text: string): Line[] {
  return text.split(/\r?\n/).map((line, index) => ({ text: line, number: index + 1 }));
}

type Taken = Line & { readonly rule: string };

function withoutIgnored(lines: Line[], selectors: LineSelector[]): { kept: Line[]; taken: Taken[] } {
  const kept: Line[] = [];
  const taken: Taken[] = [];
  for (const line of lines) {
    const selector = selectors.find(({ pattern }) => pattern.test(line.text));
    if (selector) taken.push({ ...line, rule: `ignore ${selector.text}` });
    else kept.push(line);
  }
  return { kept, taken };
}

function noteIgnored(left: Taken[], right: Taken[], findings: Findings): void {
  for (let place = 0; place < Math.max(left.length, right.length); place += 1) {
    const [one, other] = [left[place], right[place]];
    if (one?.text === other?.text) continue;
    const { number, rule } = (one ?? other)!;
    findings.add({ kind: 'line', path: `line ${number}`, control: one?.text, candidate: other?.text }, rule);
  }
}

type Pair = readonly [Line | undefined, Line | undefined];

/** The lines that differ, each with its counterpart where it has one. Common beginnings and ends cost nothing. */
function align(left: Line[], right: Line[]): Pair[] {
  let start = 0;
  while (start < left.length && start < right.length && left[start]!.text === right[start]!.text) start += 1;
  let end = 0;
  const shorter = Math.min(left.length, right.length) - start;
  while (end < shorter && left[left.length - 1 - end]!.text === right[right.length - 1 - end]!.text) end += 1;
  const middleLeft = left.slice(start, left.length - end);
  const middleRight = right.slice(start, right.length - end);
  const small = middleLeft.length <= maxAlignedLines && middleRight.length <= maxAlignedLines;
  return small ? alignByCommonLines(middleLeft, middleRight) : pairInOrder(middleLeft, middleRight);
}

/** Longest common subsequence; runs between common lines are paired in order. */
function alignByCommonLines(left: Line[], right: Line[]): Pair[] {
  const lengths = commonLengths(left, right);
  const pairs: Pair[] = [];
  let [fromLeft, fromRight] = [0, 0];
  let [i, j] = [0, 0];
  const flush = () => pairs.push(...pairInOrder(left.slice(fromLeft, i), right.slice(fromRight, j)));
  while (i < left.length && j < right.length) {
    if (left[i]!.text === right[j]!.text) {
      flush();
      i += 1;
      j += 1;
      [fromLeft, fromRight] = [i, j];
    } else if (lengths[i + 1]![j]! >= lengths[i]![j + 1]!) i += 1;
    else j += 1;
  }
  [i, j] = [left.length, right.length];
  flush();
  return pairs;
}

/** `[i][j]`: how many lines `left` from i and `right` from j have in common, in order. */
function commonLengths(left: Line[], right: Line[]): Uint16Array[] {
  const rows = Array.from({ length: left.length + 1 }, () => new Uint16Array(right.length + 1));
  for (let i = left.length - 1; i >= 0; i -= 1) {
    for (let j = right.length - 1; j >= 0; j -= 1) {
      const same = left[i]!.text === right[j]!.text;
      rows[i]![j] = same ? rows[i + 1]![j + 1]! + 1 : Math.max(rows[i + 1]![j]!, rows[i]![j + 1]!);
    }
  }
  return rows;
}

function pairInOrder(left: Line[], right: Line[]): Pair[] {
  const length = Math.max(left.length, right.length);
  return Array.from({ length }, (_, index): Pair => [left[index], right[index]]).filter(
    ([one, other]) => one?.text !== other?.text,
  );
}
