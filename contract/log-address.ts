/** Names of the log's topics. Each has offsets and retention of its own. */
export const topics = ['domain', 'commands', 'migration', 'row-changes', 'parked'] as const;
export type Topic = (typeof topics)[number];

/** The topics that lose their oldest events; of all others nothing is ever deleted. */
export const trimmedTopics = ['row-changes'] as const;
export type TrimmedTopic = (typeof trimmedTopics)[number];

/**
 * What can be read and followed: a topic, or one generation of topic `domain` by its number, `domain.1` the first. `domain` alone is whichever
 * generation is the current one at that moment; whoever keeps an offset keeps the generation with it.
 */
export type History = Topic | `domain.${number}`;

/**
 * Where an event stands in the log: topic, partition and offset. Offsets start at 1, are gapless and become visible in order.
 * Written `domain/0/1234`, in the second generation of topic `domain` and later ones `domain.2/0/1234`; offset 0 is the place before the
 * first event.
 */
export interface LogAddress {
  readonly topic: Topic;
  /** From 2 on; absent in the first generation and in topics that have no others. */
  readonly generation?: number;
  readonly partition: number;
  readonly offset: number;
}

export function formatLogAddress({ topic, generation, partition, offset }: LogAddress): string {
  return `${generation === undefined ? topic : `${topic}.${generation}`}/${partition}/${offset}`;
}

/** Reads `domain/0/1234` or `domain.2/0/1234`. Throws a RangeError that says what was found and what was expected. */
export function parseLogAddress(text: string): LogAddress {
  const match = /^(?:([a-z-]+)|(domain)\.([2-9]|[1-9]\d{1,8}))\/(\d{1,9})\/(\d{1,15})$/.exec(text);
  const [, plain, generational, generation, partition, offset] = match ?? [];
  const topic = topics.find((name) => name === (plain ?? generational));
  if (!topic) {
    throw new RangeError(
      `log address: found ${JSON.stringify(text.slice(0, 80))}, expected TOPIC/PARTITION/OFFSET such as "domain/0/1234" with TOPIC one of ${topics.join(', ')}`,
    );
  }
  const place = { partition: Number(partition), offset: Number(offset) };
  return generation === undefined ? { topic, ...place } : { topic, generation: Number(generation), ...place };
}

/** The number of the generation that an address of topic `domain` belongs to. */
export function generationOf({ generation = 1 }: LogAddress): number {
  return generation;
}

/** The history that an address belongs to, to be read on in exactly that one. */
export function historyOf(address: LogAddress): History {
  return address.topic === 'domain' ? `domain.${generationOf(address)}` : address.topic;
}

/** A place in a generation of topic `domain`. */
export function domainAddress(generation: number, offset: number): LogAddress {
  return { topic: 'domain', ...(generation > 1 && { generation }), partition: 0, offset };
}

/**
 * Whether whoever has seen everything up to `reached` has seen `wanted`, of the same topic: a later generation holds all that earlier
 * ones said.
 */
export function isAtOrAfter(reached: LogAddress, wanted: LogAddress): boolean {
  const generations = generationOf(reached) - generationOf(wanted);
  return generations > 0 || (generations === 0 && reached.offset >= wanted.offset);
}
