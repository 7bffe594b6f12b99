import { join } from 'node:path';
import { type Command, InvalidArgumentError } from 'commander';
import { onHangup } from '../on-hangup.ts';
import { configuredParts, type PartName, partNames } from '../parts.ts';
import { Supervisor } from '../supervisor.ts';
import { openSystem } from '../system.ts';
import { startPrograms } from '../system-programs.ts';
import { aborted, untilStopped } from '../until-stopped.ts';

interface StartOptions {
  config: string;
  only?: PartName[];
  single?: boolean;
}

/** `strangler start`, and what `npm start` and `npm run reset` call: `demo`, `reset`. */
export function addStart(program: Command): void {
  program
    .command('start')
    .description('run the gateway, and the data side where it is configured, each as a process of its own')
    .option('--only <parts>', `only these parts, in this process: ${partNames.join(',')}`, parts)
    .option('--single', 'all parts in this process')
    .action(async (_options, command: Command) => start(command.optsWithGlobals<StartOptions>()));
  program
    .command('demo')
    .description('run the sample system: database, legacy application and ours (npm start)')
    .option('--single', 'ours in one process')
    .action(async (options: { single?: boolean }) => (await import('../demo.ts')).demo(options));
  program
    .command('reset')
    .description('forget everything below .data (npm run reset)')
    .action(async () => (await import('../demo.ts')).reset());
}

async function start({ config, only, single }: StartOptions): Promise<void> {
  const system = openSystem(config);
  const configured = configuredParts(system);
  const inThisProcess = only ?? (single || configured.length === 1 ? configured : undefined);
  await untilStopped(async (signal) => {
    if (inThisProcess) {
      const { startParts } = await import('../start.ts');
      const running = await startParts(system, inThisProcess);
      const deaf = onHangup(() => void Promise.all([running.reopenLogs(), running.reload()]));
      const failed = running.failed.then((error) => {
        throw error;
      });
      try {
        await Promise.race([aborted(signal), failed]);
      } finally {
        await running.stop();
        deaf();
      }
      return;
    }
    const say = (name: string, text: string) => void process.stderr.write(`${name.padEnd(10)}  ${text}\n`);
    const supervisor = new Supervisor(join(system.dataDir, 'logs'), (line) => say('restart', line));
    const deaf = onHangup(() => supervisor.signal('SIGHUP'));
    try {
      await startPrograms(supervisor, system, {}, say);
      await aborted(signal);
    } finally {
      await supervisor.stop();
      deaf();
    }
  });
}

function parts(text: string): PartName[] {
  return text.split(',').map((given) => {
    const part = partNames.find((name) => name === given.trim());
    if (!part)
      throw new InvalidArgumentError(`found ${JSON.stringify(given)}, expected some of ${partNames.join(',')}.`);
    return part;
  });
}
