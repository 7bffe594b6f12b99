import { describe, expect, it } from 'vitest';
import { readAnswerHead } from '../../gateway/forwarding/wire/answer-grammar.ts';
import { answerText, requestText, trailerText } from '../../gateway/forwarding/wire/message-text.ts';

describe('the text of a message head', () => {
  const answer = readAnswerHead('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n', 0, false);
  if (answer.kind !== 'answer') throw new Error('expected an answer');
  const evil: readonly [string, string][] = [
    ['a line break', 'a\r\nX-Evil: 1'],
    ['a bare line feed', 'a\nX-Evil: 1'],
    ['a bare carriage return', 'a\rX-Evil: 1'],
    ['an end of the head', 'a\r\n\r\nGET /evil HTTP/1.1\r\nHost: a'],
    ['a NUL', 'a\0'],
    ['a character that latin1 would make a carriage return', 'a\u010dX-Evil: 1'],
    ['a character that latin1 would make a line feed', 'a\u010aX-Evil: 1'],
  ];

  it.each(evil)('is never written with %s in a value or a name', (_, text) => {
    expect(() => requestText('GET', '/', ['X-A', text], { kind: 'none' })).toThrow(RangeError);
    expect(() => requestText('GET', '/', [text, 'a'], { kind: 'none' })).toThrow(RangeError);
    expect(() => answerText(answer, ['X-A', text], 'Connection: close\r\n\r\n')).toThrow(RangeError);
  });

  it.each(['/a b', '/a\r\nX: y', '/\u010d', '/\t'])('is never written for the target %j', (target) => {
    expect(() => requestText('GET', target, [], { kind: 'none' })).toThrow(RangeError);
  });

  it('keeps bytes above ASCII and tabs as they came', () => {
    expect(requestText('GET', '/', ['X-City', 'K\xf6ln\t1'], { kind: 'none' })).toBe(
      'GET / HTTP/1.1\r\nX-City: K\xf6ln\t1\r\n\r\n',
    );
  });

  it('says a length of 0 where a body could be expected and none comes', () => {
    expect(requestText('POST', '/', [], { kind: 'none' })).toBe('POST / HTTP/1.1\r\nContent-Length: 0\r\n\r\n');
  });

  it('of a trailer section is the section without what would frame the message again', () => {
    expect(trailerText('X-Sum: 7\r\nContent-Length: 5\r\n\r\n')).toBe('X-Sum: 7\r\n\r\n');
    expect(trailerText('\r\n')).toBe('\r\n');
  });
});
