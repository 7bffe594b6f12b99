import { Transform } from 'node:stream';

const newline = 0x0a;

/** Passes on only whole lines, so that several streams can be written into one; what has no end comes last. */
export function wholeLines(): Transform {
  let rest: Buffer[] = [];
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      const end = chunk.lastIndexOf(newline) + 1;
      if (end === 0) {
        rest.push(chunk);
        return done();
      }
      const lines = Buffer.concat([...rest, chunk.subarray(0, end)]);
      rest = end === chunk.length ? [] : [chunk.subarray(end)];
      done(undefined, lines);
    },
    flush(done) {
      done(undefined, Buffer.concat(rest));
    },
  });
}
