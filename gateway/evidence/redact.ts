import type { Json } from '../../contract/json.ts';
import type { CompareRules } from '../comparison/config.ts';
import type { Difference } from '../comparison/difference.ts';
import { covers, parsePointer } from '../comparison/selector.ts';

const hidden = '(redacted)';
/** Names of members, fields, parameters, and words in lines, whose values are secrets whether a rule says so or not. */
const secretWord = /passw|secret|token|authori[sz]ation|cookie|session|api[-_]?key|credential|csrf|nonce|signature/i;
const maxTextLength = 300;
const maxJsonLength = 600;

/** A difference fit to be kept: what `redact` names and what is named like a secret is hidden, long values are cut. Pure. */
export function redactDifference(difference: Difference, { redact }: CompareRules): Difference {
  switch (difference.kind) {
    case 'value': {
      const hide = hider(difference.path, redact);
      return { ...difference, control: hide(difference.control), candidate: hide(difference.candidate) };
    }
    case 'missing':
      return { ...difference, control: hider(difference.path, redact)(difference.control) };
    case 'added':
      return { ...difference, candidate: hider(difference.path, redact)(difference.candidate) };
    case 'header': {
      const name = difference.path.slice('header.'.length);
      const secret = secretWord.test(name) || redact.some((rule) => rule.kind === 'header' && rule.name === name);
      const show = (value: string | undefined) => value && (secret ? hidden : cut(redactTarget(value)));
      return { ...difference, control: show(difference.control), candidate: show(difference.candidate) };
    }
    case 'line': {
      const secret = (line: string) =>
        secretWord.test(line) || redact.some((rule) => rule.kind === 'line' && rule.pattern.test(line));
      const show = (line: string | undefined) => line && (secret(line) ? hidden : cut(line));
      return { ...difference, control: show(difference.control), candidate: show(difference.candidate) };
    }
    case 'status':
    case 'order':
    case 'form':
    case 'bytes':
    case 'unreadable':
    case 'failure':
      return difference;
    default:
      return difference satisfies never;
  }
}

/** A request target, or a URL, without the values of parameters that are named like secrets. */
export function redactTarget(target: string): string {
  return target.replaceAll(/([?&;])([^=&;]+)=([^&;]*)/g, (all, mark: string, name: string) =>
    secretWord.test(name) ? `${mark}${name}=${hidden}` : all,
  );
}

/** Hides, in a value that stands at `pointer`, everything that rules or names declare secret. */
function hider(pointer: string, redact: CompareRules['redact']): (value: Json) => Json {
  const selectors = redact.filter((rule) => rule.kind === 'pointer');
  const isSecret = (path: readonly string[]) =>
    secretWord.test(path.at(-1) ?? '') || selectors.some((selector) => covers(selector, path));
  const walk = (value: Json, path: readonly string[]): Json => {
    if (isSecret(path)) return hidden;
    if (Array.isArray(value)) return value.map((element, index) => walk(element, [...path, String(index)]));
    if (typeof value !== 'object' || value === null) return typeof value === 'string' ? cut(value) : value;
    return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, walk(member, [...path, key])]));
  };
  const base = parsePointer(pointer).segments;
  const secretAbove = base.some((_, depth) => isSecret(base.slice(0, depth + 1)));
  return (value) => (secretAbove ? hidden : shorten(walk(value, base)));
}

function shorten(value: Json): Json {
  const text = JSON.stringify(value);
  return text.length <= maxJsonLength ? value : `${text.slice(0, maxJsonLength)}… (${text.length} characters of JSON)`;
}

function cut(text: string): string {
  return text.length <= maxTextLength ? text : `${text.slice(0, maxTextLength)}… (${text.length} characters)`;
}
