/** Names of the log's topics. Each has offsets and retention of its own. */
export const topics = ['domain', 'commands', 'migration', 'row-changes', 'parked'] as const;
export type Topic = (typeof topics)[number];

/** The topics that lose their oldest events; of all others nothing is ever deleted. */
export const trimmedTopics = ['row-changes'] as const;
export type TrimmedTopic = (typeof trimmedTopics)[number];

/**
 * Where an event stands in the log: topic, partition and offset. Offsets start at 1, are gapless and become visible in order.
 * Written `domain/0/1234`; offset 0 is the place before the first event.
 */
export interface LogAddress {
  readonly topic: Topic;
  readonly partition: number;
  readonly offset: number;
}

export function formatLogAddress({ topic, partition, offset }: LogAddress): string {
  return `${topic}/${partition}/${offset}`;
}

/** Reads `domain/0/1234`. Throws a RangeError that says what was found and what was expected. */
export function parseLogAddress(text: string): LogAddress {
  const match = /^([a-z-]+)\/(\d{1,9})\/(\d{1,15})$/.exec(text);
  const topic = topics.find((name) => name === match?.[1]);
  if (!match || !topic) {
    throw new RangeError(
      `log address: found ${JSON.stringify(text.slice(0, 80))}, expected TOPIC/PARTITION/OFFSET such as "domain/0/1234" with TOPIC one of ${topics.join(', ')}`,
    );
  }
  return { topic, partition: Number(match[2]), offset: Number(match[3]) };
}
