import { isDeepStrictEqual } from 'node:util';
import { answers, requests } from './messages.ts';
import { Random } from './random.ts';
import { NodeServerReader, type ReadMessage, readAnswersWithNode } from './read-with-node.ts';
import {
  readAnswerWithWire,
  readRequestsWithListener,
  readRequestsWithWire,
  type WireReading,
} from './read-with-wire.ts';

/** What was compared, so that a comparison of nothing shows. */
export interface Compared {
  readonly cases: number;
  /** Messages that both took, and read identically. */
  readonly same: number;
  /** Cases of which wire took nothing and Node something. */
  readonly onlyNode: number;
}

const batch = 200;

/** Compares what wire takes of random requests with what Node's parser reads. Throws, with seed and input, at the first difference. */
export async function compareRequests(cases: number, seed: number): Promise<Compared> {
  const random = new Random(seed);
  const node = new NodeServerReader();
  let same = 0;
  let onlyNode = 0;
  for (let done = 0; done < cases; done += batch) {
    const inputs = Array.from({ length: Math.min(batch, cases - done) }, () => requests(random));
    const byNode = await node.read(inputs);
    const byListener = await readRequestsWithListener(inputs, random);
    for (const [index, input] of inputs.entries()) {
      const wire = readRequestsWithWire(input);
      expectSame(wire.messages, byNode[index]!.slice(0, wire.messages.length), seed, input);
      expectSameHeads(wire, byListener[index]!, seed, input);
      same += wire.messages.length;
      if (wire.messages.length === 0 && byNode[index]!.some(({ whole }) => whole)) onlyNode += 1;
    }
  }
  return { cases, same, onlyNode };
}

/** The same with answers, to GET and to HEAD. */
export async function compareAnswers(cases: number, seed: number): Promise<Compared> {
  const random = new Random(seed);
  let same = 0;
  let onlyNode = 0;
  for (let done = 0; done < cases; done += batch) {
    const inputs = Array.from({ length: Math.min(batch, cases - done) }, () => ({
      method: random.once(8) ? 'HEAD' : 'GET',
      bytes: answers(random),
    }));
    const byNode = await readAnswersWithNode(inputs);
    for (const [index, { method, bytes }] of inputs.entries()) {
      const wire = readAnswerWithWire(bytes, method);
      if (wire) expectSame(wire, byNode[index], seed, bytes);
      if (wire) same += 1;
      else if (byNode[index]?.whole) onlyNode += 1;
    }
  }
  return { cases, same, onlyNode };
}

/** A listener reads what the definition says, and hands over every byte from the first request that it does not take. */
function expectSameHeads(wire: WireReading, listener: WireReading, seed: number, input: string): void {
  const heads = (messages: readonly ReadMessage[]) => messages.map(({ start, fields }) => [start, fields]);
  expectSame(heads(wire.messages), heads(listener.messages), seed, input);
  if (wire.handedOver) expectSame([true, wire.rest], [listener.handedOver, listener.rest], seed, input);
}

function expectSame(wire: unknown, node: unknown, seed: number, input: string): void {
  if (isDeepStrictEqual(wire, node)) return;
  throw new Error(
    `seed ${seed}: of ${JSON.stringify(input)}\nwire reads ${JSON.stringify(wire)}\nbut        ${JSON.stringify(node)}`,
  );
}
