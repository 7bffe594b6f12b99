import type { EventLog } from '../../contract/event-log.ts';
import type { RecordedEvent } from '../../contract/recorded-event.ts';
import type { RunningPart } from '../../runtime/part.ts';
import { isCommand, outcomeId, recordOutcome } from './command-topic.ts';
import { followForever } from './follow-forever.ts';
import type { Outcome, RecordedCommand } from './handle-command.ts';

const cursorName = 'new-services/command-processor';

/** What the processor works with. */
export interface ProcessorPorts {
  readonly log: EventLog;
  readonly now: () => Date;
  handle(command: RecordedCommand): Promise<Outcome>;
  settled(command: RecordedCommand, outcome: Outcome): void;
  failed(error: unknown): void;
}

/** A running processor. */
export interface CommandProcessor extends RunningPart {
  /** The failure it is stopped at, while it lasts. */
  stuckAt(): string | undefined;
}

/**
 * Follows topic `commands` and handles each command, in order, one at a time. One processor per log.
 *
 * Its place is the log's cursor, stored together with each outcome. Killed at any point it takes up the first command without outcome;
 * a command whose events were appended already then completes with them (see handle-command.ts). A failure that is not a business
 * rejection stops it at that command, visibly, until it succeeds.
 */
export function startCommandProcessor(ports: ProcessorPorts): CommandProcessor {
  const stopping = new AbortController();
  let failure: string | undefined;
  const follower = {
    after: async () => Number((await ports.log.cursor(cursorName))?.value ?? 0),
    async handle(batch: readonly RecordedEvent[]) {
      for (const event of batch) {
        if (stopping.signal.aborted) return;
        if (isCommand(event)) await settle(ports, event);
        failure = undefined;
      }
    },
    failed(error: unknown) {
      failure = error instanceof Error ? error.message : String(error);
      ports.failed(error);
    },
    recovered() {
      failure = undefined;
    },
  };
  const running = followForever(ports.log, 'commands', follower, stopping.signal);
  return {
    stuckAt: () => failure,
    async stop() {
      stopping.abort();
      await running;
    },
  };
}

async function settle(ports: ProcessorPorts, command: RecordedCommand): Promise<void> {
  // Present without the cursor having moved only when the cursor was lost or another processor ran.
  if (await ports.log.find('commands', outcomeId(command.id))) return;
  const outcome = await ports.handle(command);
  await recordOutcome(ports.log, command, outcome, { at: ports.now(), cursorName });
  ports.settled(command, outcome);
}
