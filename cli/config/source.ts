import { readFileSync } from 'node:fs';
import { relative } from 'node:path';
import { type Document, isMap, isScalar, LineCounter, type Node, Pair, parseDocument, visit } from 'yaml';
import type { Environment } from '../environment.ts';
import type { ConfigProblem, Path } from './problem.ts';

/** One YAML file, still knowing where each value stands. */
export interface ConfigFile {
  /** As the user would write it: relative to the working directory. */
  readonly name: string;
  /** The value, with `${NAME}` replaced from the environment. */
  readonly value: unknown;
  readonly problems: readonly ConfigProblem[];
  /** Line and column, from 1, of what stands at `path`; of the nearest parent when nothing does. `key` points at the key rather than its value. */
  position(path: Path, of?: 'key' | 'value'): { line: number; column: number };
  has(path: Path): boolean;
}

export function readConfigFile(path: string, environment: Environment): ConfigFile {
  const name = relative(process.cwd(), path) || path;
  try {
    return parseConfigText(name, readFileSync(path, 'utf8'), environment);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    const message = `expected a file that can be read, found none (${code})`;
    return {
      ...parseConfigText(name, '', environment),
      problems: [{ file: name, line: 1, column: 1, path: [], message }],
    };
  }
}

export function parseConfigText(name: string, text: string, environment: Environment): ConfigFile {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, merge: true });
  const at = (offset: number) => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(line, 1), column: Math.max(col, 1) };
  };
  const problems: ConfigProblem[] = document.errors.map((error) => ({
    file: name,
    ...at(error.pos[0]),
    path: [],
    message: error.message,
  }));
  const place = (offset: number) => ({ file: name, ...at(offset) });
  if (problems.length === 0)
    problems.push(
      ...unresolvedAliases(document, place),
      ...unkeptKeys(document, place),
      ...interpolate(document, environment, place),
    );
  const value = problems.length === 0 ? plainDocument(document, problems, place) : {};
  return {
    name,
    value,
    problems,
    position: (path, of = 'value') => at(offsetOf(document, path, of)),
    has: (path) => document.hasIn(path),
  };
}

type Place = { file: string; line: number; column: number };

/** The document as plain values. What YAML refuses only here (a merge of what is no mapping, aliases without end) is a problem of the whole file. */
function plainDocument(document: Document, problems: ConfigProblem[], place: (offset: number) => Place): unknown {
  try {
    return document.toJS() ?? {};
  } catch (error) {
    problems.push({ ...place(0), path: [], message: (error as Error).message });
    return {};
  }
}

/** `*name` without a `&name` before it; YAML itself finds that only when the value is taken. */
function unresolvedAliases(document: Document, place: (offset: number) => Place): ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  visit(document, {
    Alias(_, node) {
      if (node.resolve(document)) return;
      problems.push({
        ...place(node.range?.[0] ?? 0),
        path: [],
        message: `found *${node.source}, but no &${node.source} before it`,
      });
    },
  });
  return problems;
}

/** A key that names no member in JavaScript: what stands below it would be dropped in silence. */
function unkeptKeys(document: Document, place: (offset: number) => Place): ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  visit(document, {
    Pair(_, { key }) {
      if (!isScalar(key) || key.value !== '__proto__') return;
      problems.push({
        ...place(key.range?.[0] ?? 0),
        path: [],
        message: 'found the key __proto__, which cannot be used',
      });
    },
  });
  return problems;
}

/** Replaces `${NAME}` and `${NAME:-default}` in every text value. An unset name without default is a problem, never an empty text. */
function interpolate(document: Document, environment: Environment, place: (offset: number) => Place): ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  visit(document, {
    Scalar(_, node) {
      if (typeof node.value !== 'string' || !node.value.includes('${')) return;
      const replaced = node.value.replace(
        /\$\{([A-Za-z_]\w*)(?::-([^}]*))?\}/g,
        (whole, name: string, fallback?: string) => {
          const found = environment[name] || fallback;
          if (found !== undefined) return found;
          problems.push({
            ...place(node.range?.[0] ?? 0),
            path: [],
            message: `environment variable ${name} is not set`,
            hint: `set it, or give a default: \${${name}:-value}`,
          });
          return whole;
        },
      );
      node.value = node.type === 'PLAIN' ? plainValue(replaced) : replaced;
    },
  });
  return problems;
}

/** What YAML makes of an unquoted scalar: `port: ${PORT}` is a number. */
function plainValue(text: string): unknown {
  return /^(true|false|null|-?\d+(\.\d+)?)$/.test(text) ? JSON.parse(text) : text;
}

function offsetOf(document: Document, path: Path, of: 'key' | 'value'): number {
  let node: unknown = document.contents;
  let offset = (node as Node | null)?.range?.[0] ?? 0;
  path.forEach((step, index) => {
    const last = index === path.length - 1;
    const pair = isMap(node)
      ? node.items.find((item) => isScalar(item.key) && String(item.key.value) === String(step))
      : undefined;
    const next =
      pair instanceof Pair ? pair.value : ((node as { items?: unknown[] } | null)?.items?.[Number(step)] ?? undefined);
    if (pair && ((last && of === 'key') || !next)) offset = (pair.key as Node).range?.[0] ?? offset;
    else if (next) offset = (next as Node).range?.[0] ?? offset;
    node = next;
  });
  return offset;
}
