import { hash } from 'node:crypto';

/** Namespace of every id this project derives; fixed for ever, or repeats would no longer be recognised. */
const namespace = Buffer.from('5f6c1f0e3a545d0b9d5e8a3a1c9be7d1', 'hex');

/** Optimization: the bridge derives an id for every event, and most names fit into the same bytes. */
const scratch = Buffer.alloc(1_024);
scratch.set(namespace);

/**
 * A deterministic event id: the same facts always give the same uuid, so a repeat is answered `duplicate`. Parts are never ambiguous: each is
 * length-prefixed. It is a name-based UUID of version 5 (RFC 9562 section 5.5).
 */
export function derivedId(...parts: readonly (string | number)[]): string {
  let name = '';
  for (const part of parts) {
    const text = String(part);
    name += `${name === '' ? '' : '|'}${text.length}:${text}`;
  }
  const digest = hash('sha1', named(name), 'hex');
  const variant = '89ab'[Number.parseInt(digest[16]!, 16) & 3];
  return `${digest.slice(0, 8)}-${digest.slice(8, 12)}-5${digest.slice(13, 16)}-${variant}${digest.slice(17, 20)}-${digest.slice(20, 32)}`;
}

/** The namespace, then the name in UTF-8. */
function named(name: string): Buffer {
  if (name.length * 3 > scratch.length - namespace.length) return Buffer.concat([namespace, Buffer.from(name)]);
  return scratch.subarray(0, namespace.length + scratch.write(name, namespace.length));
}
