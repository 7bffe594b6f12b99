import { z } from 'zod';
import { nearest } from './nearest.ts';
import { plannedKeys } from './planned-keys.ts';
import type { Path } from './problem.ts';

/** A finding of the schema in our own words, at the place it is about. */
export interface Finding {
  readonly path: Path;
  /** Whether the key itself is wrong rather than its value. */
  readonly of: 'key' | 'value';
  readonly message: string;
  readonly hint?: string;
}

type Issue = z.core.$ZodIssue;

/** Turns zod's issues into findings: one per unknown key, and for a union the branch that was probably meant. */
export function explainIssue(issue: Issue, schema: z.ZodType, root: unknown, parent: Path = []): Finding[] {
  const path = [...parent, ...(issue.path as (string | number)[])];
  if (issue.code === 'unrecognized_keys') return issue.keys.map((key) => unknownKey(key, path, schema));
  if (issue.code === 'invalid_union') return explainUnion(issue, path, schema, root);
  if (issue.code === 'invalid_key') return issue.issues.map((inner) => ({ path, of: 'key', message: inner.message }));
  if (issue.code === 'invalid_value') return [unknownValue(issue, path, valueAt(root, path))];
  const found = issue.code === 'custom' ? undefined : describe(valueAt(root, path));
  return [
    {
      path,
      of: 'value',
      message:
        found && !issue.message.includes('found') ? `${lowerFirst(issue.message)}, found ${found}` : issue.message,
    },
  ];
}

function unknownValue(issue: Extract<Issue, { code: 'invalid_value' }>, path: Path, value: unknown): Finding {
  const expected = issue.values.map(String);
  const meant = typeof value === 'string' ? nearest(value, expected) : undefined;
  const own = /^(Invalid|invalid) /.test(issue.message) ? `expected ${expected.join(' or ')}` : issue.message;
  return { path, of: 'value', message: `found ${describe(value)}, ${own}`, hint: meant && `did you mean "${meant}"?` };
}

/** Of a union's branches the one whose problems lie deepest was meant: the others failed at its door. */
function explainUnion(
  issue: Extract<Issue, { code: 'invalid_union' }>,
  path: Path,
  schema: z.ZodType,
  root: unknown,
): Finding[] {
  const branches = issue.errors.filter((errors) => errors.length > 0);
  const depth = (errors: readonly Issue[]) =>
    Math.max(...errors.map((error) => error.path.length + (error.code === 'invalid_type' ? 0 : 0.5)));
  const deepest = Math.max(...branches.map(depth));
  const meant = branches.filter((errors) => depth(errors) === deepest).sort((a, b) => a.length - b.length)[0];
  if (!meant || deepest === 0) {
    const expected = [
      ...new Set(branches.flat().map((error) => (error.code === 'invalid_type' ? error.expected : error.message))),
    ];
    return [
      {
        path,
        of: 'value',
        message: `found ${describe(valueAt(root, path))}, expected ${expected.join(' or ') || issue.message}`,
      },
    ];
  }
  return meant.flatMap((inner) => explainIssue(inner, schema, root, path));
}

function unknownKey(key: string, path: Path, schema: z.ZodType): Finding {
  const at: Path = [...path, key];
  const known = knownKeys(schema, path);
  const meant = nearest(key, known);
  if (meant) return { path: at, of: 'key', message: 'unknown key', hint: `did you mean "${meant}"?` };
  const planned = plannedKeys[key];
  if (planned) return { path: at, of: 'key', message: `not built yet (${planned})`, hint: 'remove this key' };
  return {
    path: at,
    of: 'key',
    message: 'unknown key',
    hint: known.length > 0 ? `known here: ${known.join(', ')}` : undefined,
  };
}

/** Keys the schema knows at a path, from its JSON Schema, through unions and records. */
function knownKeys(schema: z.ZodType, path: Path): string[] {
  type Node = {
    properties?: Record<string, Node>;
    additionalProperties?: Node | boolean;
    items?: Node;
    anyOf?: Node[];
    allOf?: Node[];
    $ref?: string;
  };
  const json = jsonSchema(schema) as Node & { definitions?: Record<string, Node> };
  const resolve = (node: Node): Node[] => {
    if (node.$ref) return resolve(json.definitions?.[node.$ref.replace('#/definitions/', '')] ?? {});
    return [node, ...(node.anyOf ?? []).flatMap(resolve), ...(node.allOf ?? []).flatMap(resolve)];
  };
  let nodes = resolve(json);
  for (const step of path) {
    nodes = nodes.flatMap((node) => {
      const child =
        node.properties?.[String(step)] ??
        (typeof step === 'number' ? node.items : undefined) ??
        node.additionalProperties;
      return child && typeof child === 'object' ? resolve(child) : [];
    });
  }
  return [...new Set(nodes.flatMap((node) => Object.keys(node.properties ?? {})))];
}

/** The schema as editors read it. */
export function jsonSchema(schema: z.ZodType): Record<string, unknown> {
  return z.toJSONSchema(schema, { io: 'input', target: 'draft-7', unrepresentable: 'any' }) as Record<string, unknown>;
}

function valueAt(root: unknown, path: Path): unknown {
  return path.reduce<unknown>((value, step) => (value as Record<string | number, unknown> | undefined)?.[step], root);
}

function describe(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (value === null) return 'an empty value';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'a mapping';
  return JSON.stringify(value).slice(0, 80);
}

const lowerFirst = (text: string) => text.charAt(0).toLowerCase() + text.slice(1);
