import type { Framing } from '../framing.ts';
import { decimal, hostByte, isName, space, targetByte } from './bytes.ts';
import { endOf, endOfLine, incomplete, readFieldLines } from './field-lines.ts';

/** What makes a request one for the general listener. A closed list: these are labels of a counter. */
export type Unusual =
  | 'method'
  | 'target'
  | 'version'
  | 'field'
  | 'host'
  | 'framing'
  | 'connection'
  | 'upgrade'
  | 'expect'
  | 'trailer'
  | 'size';

/** The head of a well-formed ordinary request. */
export interface OrdinaryRequest {
  readonly kind: 'ordinary';
  readonly method: string;
  /** In origin form, as received. */
  readonly target: string;
  /** `[name, value, …]` in the order, case and number received. */
  readonly fields: string[];
  readonly framing: Framing;
  readonly bodyBytes: number;
  /** The client wants to go on using the connection. */
  readonly keepAlive: boolean;
  /** Where the head ends in the text. */
  readonly end: number;
}

/** What the beginning of a text is. `incomplete`: nothing is wrong with it so far. */
export type RequestReading =
  | OrdinaryRequest
  | { readonly kind: 'incomplete' }
  | { readonly kind: 'unusual'; readonly why: Unusual };

/** A request head longer than this is handed over; the general listener takes up to 64 KiB. */
export const maxOrdinaryHeadBytes = 32 * 1024;

const methods = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);
const longestMethod = 'OPTIONS'.length;
const version = 'HTTP/1.1';
const stillIncomplete = { kind: 'incomplete' } as const;
const noBody: Framing = { kind: 'none' };

/**
 * Reads a request's head (latin1) by a grammar that takes well-formed ordinary requests of HTTP/1.1 and nothing else: methods that
 * everybody knows, targets in origin form, one Host, a body of known length or none. What it takes Node's own parser reads identically;
 * that is what fuzz/ holds it to. Everything else is unusual, whether it is malformed or only rare (RFC 9112 sections 2 to 6).
 */
export function readRequestHead(text: string): RequestReading {
  const methodEnd = text.indexOf(' ');
  if (methodEnd < 0) return text.length > longestMethod ? unusual('method') : stillIncomplete;
  const method = text.slice(0, methodEnd);
  if (!methods.has(method)) return unusual('method');
  const targetAt = methodEnd + 1;
  const targetEnd = endOf(text, targetAt, targetByte);
  if (targetEnd >= text.length) return stillIncomplete;
  if (text.charCodeAt(targetAt) !== 0x2f || text.charCodeAt(targetEnd) !== space) return unusual('target');
  const lineEnd = targetEnd + 1 + version.length;
  if (!text.startsWith(version, targetEnd + 1)) return lineEnd > text.length ? stillIncomplete : unusual('version');
  const fieldsAt = endOfLine(text, lineEnd);
  if (fieldsAt < 0) return failed(fieldsAt);
  const fields: string[] = [];
  const end = readFieldLines(text, fieldsAt, fields);
  return end < 0 ? failed(end) : readMeaning(method, text.slice(targetAt, targetEnd), fields, end);
}

function failed(result: number): RequestReading {
  return result === incomplete ? stillIncomplete : unusual('field');
}

function unusual(why: Unusual): RequestReading {
  return { kind: 'unusual', why };
}

/** Looks at the fields that say where the message ends and what becomes of its connection. */
function readMeaning(method: string, target: string, fields: string[], end: number): RequestReading {
  let hosts = 0;
  let length: string | undefined;
  let bodyBytes = 0;
  let connection: string | undefined;
  for (let index = 0; index < fields.length; index += 2) {
    const name = fields[index]!;
    // Optimization: most names differ in length from all that matter here, and are not looked at further.
    switch (name.length) {
      case 2:
        if (isName(name, 'te')) return unusual('trailer');
        break;
      case 4:
        if (!isName(name, 'host')) break;
        hosts += 1;
        if (!isPlainHost(fields[index + 1]!)) return unusual('host');
        break;
      case 6:
        if (isName(name, 'expect')) return unusual('expect');
        break;
      case 7:
        if (isName(name, 'upgrade')) return unusual('upgrade');
        if (isName(name, 'trailer')) return unusual('trailer');
        break;
      case 10:
        if (!isName(name, 'connection')) break;
        if (connection !== undefined) return unusual('connection');
        connection = fields[index + 1]!;
        break;
      case 14: {
        if (!isName(name, 'content-length')) break;
        const said = fields[index + 1]!;
        const bytes = decimal(said);
        if (length !== undefined || bytes === undefined || String(bytes) !== said) return unusual('framing');
        length = said;
        bodyBytes = bytes;
        break;
      }
      case 16:
        if (isName(name, 'proxy-connection')) return unusual('connection');
        break;
      case 17:
        if (isName(name, 'transfer-encoding')) return unusual('framing');
        break;
      default:
    }
  }
  if (hosts !== 1) return unusual('host');
  const closes = connection !== undefined && isName(connection, 'close');
  if (connection !== undefined && !closes && !isName(connection, 'keep-alive')) return unusual('connection');
  const framing: Framing = length === undefined ? noBody : { kind: 'length', length };
  return { kind: 'ordinary', method, target, fields, framing, bodyBytes, keepAlive: !closes, end };
}

/** `shop.example`, `127.0.0.1:8080`. IPv6 addresses and what is no host at all are for the general listener. */
function isPlainHost(host: string): boolean {
  const nameEnd = endOf(host, 0, hostByte);
  if (nameEnd === 0) return false;
  if (nameEnd === host.length) return true;
  if (host.charCodeAt(nameEnd) !== 0x3a || host.length > nameEnd + 6) return false;
  for (let at = nameEnd + 1; at < host.length; at += 1) {
    const digit = host.charCodeAt(at) - 0x30;
    if (digit < 0 || digit > 9) return false;
  }
  return true;
}
