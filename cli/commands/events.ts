import { existsSync } from 'node:fs';
import type { Command } from 'commander';
import { InvalidArgumentError } from 'commander';
import type { EventLog } from '../../contract/event-log.ts';
import { formatLogAddress, type History, historyOf, topics } from '../../contract/log-address.ts';
import type { RecordedEvent } from '../../contract/recorded-event.ts';
import { parseLogUrl } from '../../event-log/log-url.ts';
import { openLog } from '../../event-log/open.ts';
import { CommandError } from '../admin-client.ts';
import { bold, dim } from '../print.ts';
import { openSystem, type System } from '../system.ts';
import { untilStopped } from '../until-stopped.ts';

interface TailOptions {
  config: string;
  json?: boolean;
  topic: History;
  stream?: string;
  action?: string;
  after?: number;
  last: number;
  follow: boolean;
}

/** `strangler events tail`: the log as it grows. */
export function addEvents(program: Command): void {
  program
    .command('events')
    .description('look into the event log')
    .command('tail')
    .description('print the last events of a topic and then each new one')
    .option(
      '--topic <topic>',
      `one of ${topics.join(', ')}, or one generation of domain, such as domain.1`,
      topicName,
      'domain',
    )
    .option('--stream <stream>', 'only this stream, such as shipment-7')
    .option('--action <action>', 'only this action, such as shipment-delayed')
    .option('--last <n>', 'how many of the past to begin with', wholeNumber, 10)
    .option('--after <offset>', 'begin after this offset instead', wholeNumber)
    .option('--no-follow', 'end when the present is reached')
    .action(async (_options, command: Command) => tail(command.optsWithGlobals<TailOptions>()));
}

async function tail(options: TailOptions): Promise<void> {
  const log = await openExistingLog(openSystem(options.config));
  try {
    const wanted = (event: RecordedEvent) =>
      (options.stream === undefined || event.meta.stream === options.stream) &&
      (options.action === undefined || event.action === options.action);
    const address = await log.head(options.topic);
    const topic = historyOf(address);
    const head = address.offset;
    const write = (events: readonly RecordedEvent[]) => {
      for (const event of events.filter(wanted))
        process.stdout.write(`${options.json ? JSON.stringify(event) : eventLine(event)}\n`);
    };
    write(
      options.after === undefined
        ? await lastWanted(log, { ...options, topic }, wanted, head)
        : await between(log, topic, options.after, head),
    );
    if (options.follow) await untilStopped(async (signal) => follow(log, topic, head, signal, write));
  } finally {
    await log.close();
  }
}

async function follow(
  log: EventLog,
  topic: History,
  after: number,
  signal: AbortSignal,
  write: (events: readonly RecordedEvent[]) => void,
) {
  for await (const events of log.follow(topic, after, signal)) write(events);
}

/** The last `n` wanted events, read backwards in windows so that a long log costs nothing. */
async function lastWanted(
  log: EventLog,
  { topic, last }: TailOptions,
  wanted: (event: RecordedEvent) => boolean,
  head: number,
) {
  const found: RecordedEvent[] = [];
  const { offset: tail } = await log.tail(topic);
  for (let end = head; end > tail && found.length < last; end -= 1_000) {
    const events = await between(log, topic, Math.max(tail, end - 1_000), end);
    found.unshift(...events.filter(wanted));
  }
  return last === 0 ? [] : found.slice(-last);
}

async function between(log: EventLog, topic: History, after: number, head: number): Promise<RecordedEvent[]> {
  const events: RecordedEvent[] = [];
  for (let offset = after; offset < head; ) {
    const batch = await log.read(topic, offset, Math.min(1_000, head - offset));
    if (batch.length === 0) break;
    events.push(...batch);
    offset = batch.at(-1)!.meta.address.offset;
  }
  return events;
}

/** The log of a system that ran before; a tool that looks must not make an empty one. */
export async function openExistingLog(system: System): Promise<EventLog> {
  const { path } = parseLogUrl(system.logUrl);
  if (!existsSync(path)) throw new CommandError(`found no event log at ${path}. Start the system first: npm start`);
  return openLog(system.logUrl);
}

/** Two lines: what happened, and where it came from. */
function eventLine({ action, data, parent, meta }: RecordedEvent): string {
  const facts = [
    formatLogAddress(meta.address),
    meta.occurredAt,
    meta.origin,
    `parent ${parent}`,
    ...(meta.traceparent ? [`traceparent ${meta.traceparent}`] : []),
  ];
  return `${bold(action)}  ${meta.stream} v${meta.version}  ${JSON.stringify(data)}\n  ${dim(facts.join('  '))}`;
}

export function wholeNumber(text: string): number {
  if (!/^\d{1,15}$/.test(text))
    throw new InvalidArgumentError(`found ${JSON.stringify(text)}, expected a whole number from 0 on.`);
  return Number(text);
}

function topicName(text: string): History {
  if (/^domain\.[1-9]\d{0,8}$/.test(text)) return text as `domain.${number}`;
  const topic = topics.find((name) => name === text);
  if (!topic) throw new InvalidArgumentError(`found ${JSON.stringify(text)}, expected one of ${topics.join(', ')}.`);
  return topic;
}
