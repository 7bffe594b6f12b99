import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { recordRefused } from '../../gateway/accounting/record-request.ts';
import { createRequestIds } from '../../gateway/accounting/request-ids.ts';
import { GatewayError } from '../../gateway/errors.ts';
import { ownCopy } from '../../gateway/identity/own-copy.ts';
import { Peers } from '../../gateway/identity/peers.ts';
import { parseCidr } from '../../gateway/routing/cidr.ts';
import { bodyPredicate } from '../../gateway/routing/predicates/body.ts';
import { readRequestBody } from '../../gateway/routing/request-body.ts';

function jsonBody(text: string) {
  return readRequestBody(Buffer.from(text), { contentType: 'application/json', contentEncoding: undefined });
}

describe('a body that a client has made to mislead', () => {
  it.each([
    ['beyond 2^53, which some read as another', '{"id":9007199254740993}', '9007199254740992'],
    ['beyond any number, which some refuse', '{"id":1e400}', 'Infinity'],
  ])('has no value where a number lies %s', (_, text, value) => {
    expect(bodyPredicate('/id', value).test(jsonBody(text))).toBe(false);
  });

  it('is read however long its texts are', () => {
    const text = JSON.stringify({ note: '"\\'.repeat(2 ** 22), country: 'DE' });
    expect(bodyPredicate('/country', 'DE').test(jsonBody(text))).toBe(true);
  });

  it('is read however deep it nests', () => {
    const depth = 100_000;
    expect(jsonBody('['.repeat(depth) + ']'.repeat(depth)).kind).toBe('json');
    expect(jsonBody(`${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`).kind).toBe('json');
  });

  it('is found out when a member stands twice, at whatever depth and however it is written', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.string(), (value, name) => {
        const member = `${JSON.stringify(name)}:${JSON.stringify(value)}`;
        const escaped = `"${[...Array(name.length).keys()].map((at) => `\\u${hex(name.charCodeAt(at))}`).join('')}":1`;
        expect(jsonBody(`[{${member}}]`).kind).toBe('json');
        expect(jsonBody(`[{${member},${escaped}}]`)).toEqual({ kind: 'unreadable', problem: 'repeated-member' });
      }),
    );
  });
});

function hex(code: number): string {
  return code.toString(16).padStart(4, '0');
}

describe('the client behind trusted proxies', () => {
  const peers = new Peers([parseCidr('10.0.0.0/8'), parseCidr('fd00::/8')]);
  const proxy = peers.at('10.0.0.1');

  it.each([
    ['the nearest that is not trusted', '198.51.100.1, 192.0.2.7, 10.0.0.2', '192.0.2.7'],
    ['the furthest where all are trusted', '10.0.0.7, 10.0.0.2', '10.0.0.7'],
    ['the last that can be read', 'unknown, 10.0.0.2', '10.0.0.2'],
    ['the proxy where nothing can be read', 'unknown', '10.0.0.1'],
    ['the proxy where nothing stands there', '', '10.0.0.1'],
    ['the proxy where the list ends in nothing', '192.0.2.7,', '10.0.0.1'],
    ['an IPv6 address', '2001:db8::7, fd00::2', '2001:db8::7'],
  ])('is %s', (_, forwardedFor, client) => {
    expect(peers.clientBehind(proxy, forwardedFor)).toBe(client);
  });

  it('is looked for among so many and no more', () => {
    const claimed = `192.0.2.7${', 10.0.0.2'.repeat(10_000)}`;
    expect(peers.clientBehind(proxy, claimed)).toBe('10.0.0.2');
  });
});

it('a refused client stands in the log by the address by which served ones do', () => {
  const error = new GatewayError('bad-host', 'found no Host header, expected one');
  const { requestId, trace } = createRequestIds();
  const end = { error, startedAt: 0, requestId: requestId(), trace: trace(undefined, false) };
  expect(recordRefused({ ...end, head: { remoteAddress: '::ffff:192.0.2.7' } }, 1, 1).clientAddress).toBe('192.0.2.7');
});

it('a text that is kept is the same text, halves of surrogates and all', () => {
  const anyText = fc.array(fc.nat(0xffff)).map((codes) => String.fromCharCode(...codes));
  fc.assert(
    fc.property(anyText, (text) => {
      expect(ownCopy(text)).toBe(text);
    }),
  );
});
