import type { Random } from './random.ts';

const letters = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ';
const tokenChars = `${letters}0123456789!#$%&'*+-.^_\`|~`;
const targetChars = `${letters}0123456789-._~!$&'()*+,;=:@%/?\\"<>[]^\`{|}`;
const valueChars = `${letters}0123456789 \t,;=:"'()/<>@[]{}?\\\x80\xa0\xff\xfc`;

/** What breaks parsers, put in at any place. */
const nasty = [
  '\r',
  '\n',
  '\r\n',
  '\n\n',
  '\r\n\r\n',
  '\0',
  ' ',
  '\t',
  ':',
  ',',
  ';',
  '=',
  '"',
  '\\',
  '#',
  '+',
  '-',
  '0',
  '1',
  'f',
  'F',
  '\x0b',
  '\x0c',
  '\x7f',
  '\x80',
  '\x85',
  '\xa0',
  '\xff',
  '\r\n ',
  '\r\n\t',
  'chunked',
  'Transfer-Encoding: chunked\r\n',
  'Content-Length: 3\r\n',
  'Content-Length: 0\r\n',
  'Host: b\r\n',
  'Connection: close\r\n',
  'Connection: upgrade\r\n',
  'Upgrade: x\r\n',
  'Expect: 100-continue\r\n',
  'Proxy-Connection: close\r\n',
  'Trailer: x\r\n',
  'TE: trailers\r\n',
  'HTTP/1.0',
  'HTTP/1.1',
  'GET / HTTP/1.1\r\nHost: a\r\n\r\n',
  '0\r\n\r\n',
  '5\r\nhello\r\n',
  'x',
  '\u00e9',
];

/** One or more requests in a row, most of them ordinary, then changed at some places or at none. */
export function requests(random: Random): string {
  const count = 1 + random.below(3);
  return mutated(random, Array.from({ length: count }, () => request(random)).join(''));
}

/** Interim answers and one final one, changed at some places or at none. */
export function answers(random: Random): string {
  const interim = random.once(8) ? random.some(2, () => interimAnswer(random)) : [];
  return mutated(random, interim.join('') + answer(random));
}

function request(random: Random): string {
  const method = random.oneOf([
    'GET',
    'GET',
    'POST',
    'PUT',
    'HEAD',
    'DELETE',
    'OPTIONS',
    'PATCH',
    'PROPFIND',
    'get',
    'CONNECT',
  ]);
  const target = random.once(20)
    ? random.oneOf(['*', 'http://a/b', 'a:80', '//', '/#x'])
    : `/${random.text(targetChars, 20)}`;
  const version = random.once(20)
    ? random.oneOf(['HTTP/1.0', 'HTTP/1.1 ', 'HTTP/2.0', 'http/1.1', 'HTTP/1.11'])
    : 'HTTP/1.1';
  const { field, body } = requestBody(random, method);
  const fields = random.some(4, () => anyField(random));
  if (!random.once(20))
    fields.push(line(random, cased(random, 'Host'), random.oneOf(['a', 'shop.example', 'a:80', '127.0.0.1:8080'])));
  if (random.once(3))
    fields.push(
      line(
        random,
        cased(random, 'Connection'),
        random.oneOf(['keep-alive', 'close', 'Keep-Alive', 'x', 'close, te', 'upgrade']),
      ),
    );
  if (field !== undefined) fields.push(field);
  return `${method} ${target} ${version}\r\n${shuffled(random, fields).join('')}\r\n${body}`;
}

function requestBody(random: Random, method: string): { field: string | undefined; body: string } {
  if (method === 'GET' ? !random.once(6) : random.once(3)) return { field: undefined, body: '' };
  if (random.once(5))
    return { field: line(random, cased(random, 'Transfer-Encoding'), coding(random)), body: chunks(random) };
  const body = random.text(`${letters}\r\n\0 `, 30);
  return { field: line(random, cased(random, 'Content-Length'), length(random, body.length)), body };
}

function interimAnswer(random: Random): string {
  return `HTTP/1.1 ${random.oneOf(['100 Continue', '103 Early Hints', '102 Processing', '101 Switching'])}\r\n${random.some(2, () => anyField(random)).join('')}\r\n`;
}

function answer(random: Random): string {
  const status = random.oneOf([
    '200',
    '200',
    '200',
    '204',
    '304',
    '205',
    '404',
    '500',
    '999',
    '100',
    '1000',
    '099',
    '20',
  ]);
  const reason = random.oneOf([' OK', ' Not Found', '', ' ', ` ${random.text(valueChars, 10)}`]);
  const version = random.once(8) ? random.oneOf(['HTTP/1.0', 'HTTP/1.2', 'HTTP/2.0', 'HTTP/0.9']) : 'HTTP/1.1';
  const fields = random.some(4, () => anyField(random));
  if (random.once(3))
    fields.push(line(random, 'Connection', random.oneOf(['close', 'keep-alive', 'Upgrade, Keep-Alive', 'upgrade'])));
  const kind = random.below(3);
  let body = random.text(`${letters}\r\n\0`, 40);
  if (kind === 0) fields.push(line(random, cased(random, 'Content-Length'), length(random, body.length)));
  if (kind === 1) {
    fields.push(line(random, cased(random, 'Transfer-Encoding'), coding(random)));
    body = chunks(random);
  }
  return `${version} ${status}${reason}\r\n${shuffled(random, fields).join('')}\r\n${body}`;
}

function coding(random: Random): string {
  return random.once(6)
    ? random.oneOf(['gzip, chunked', 'identity', 'chunked, chunked', 'xchunked', 'chunked;a=b', ''])
    : cased(random, 'chunked');
}

function length(random: Random, bytes: number): string {
  return random.once(8)
    ? random.oneOf([`0${bytes}`, `+${bytes}`, `${bytes} `, `${bytes}, ${bytes}`, '99', '-1', '0x5', '9'.repeat(20)])
    : String(bytes);
}

function chunks(random: Random): string {
  const sizes = random.some(4, () => {
    const data = random.text(`${letters}\r\n\0`, 40) || 'x';
    const digits = random.oneOf([
      data.length.toString(16),
      data.length.toString(16).toUpperCase(),
      `0${data.length.toString(16)}`,
    ]);
    return `${digits}${extensions(random)}\r\n${data}\r\n`;
  });
  const trailers = random.once(4) ? random.some(2, () => anyField(random)).join('') : '';
  return `${sizes.join('')}${random.oneOf(['0', '0', '000'])}${extensions(random)}\r\n${trailers}\r\n`;
}

function extensions(random: Random): string {
  if (!random.once(4)) return '';
  return random.oneOf([
    ';a',
    ';a=b',
    ';a="b;c\\"d"',
    ';',
    '; a=b',
    ';a=',
    ' ;a',
    ';a=b;c=d',
    `;${random.text(tokenChars, 5)}=${random.text(valueChars, 5)}`,
  ]);
}

function anyField(random: Random): string {
  const known = [
    'Accept',
    'Cookie',
    'Set-Cookie',
    'Keep-Alive',
    'X-A',
    'Content-Type',
    'Date',
    'te',
    'Content-Lengt',
    'Hosts',
    'Vary',
  ];
  const name = random.once(3) ? random.text(tokenChars, 12) || 'x' : random.oneOf(known);
  return line(random, name, random.text(valueChars, 15));
}

function line(random: Random, name: string, value: string): string {
  const before = random.oneOf([' ', ' ', ' ', '', '  ', '\t']);
  const after = random.once(8) ? random.oneOf([' ', '\t', ' \t ']) : '';
  return `${name}:${before}${value}${after}\r\n`;
}

function cased(random: Random, name: string): string {
  return random.oneOf([name, name, name.toLowerCase(), name.toUpperCase()]);
}

function shuffled<T>(random: Random, items: readonly T[]): T[] {
  const left = [...items];
  return items.map(() => left.splice(random.below(left.length), 1)[0]!);
}

function mutated(random: Random, text: string): string {
  if (!random.once(2)) return text;
  let whole = text;
  for (let left = 1 + random.below(4); left > 0; left -= 1) {
    const at = random.below(whole.length + 1);
    const insert = random.once(4) ? String.fromCharCode(random.below(256)) : random.oneOf(nasty);
    whole = whole.slice(0, at) + (random.once(4) ? '' : insert) + whole.slice(at + random.below(3));
  }
  return whole;
}
