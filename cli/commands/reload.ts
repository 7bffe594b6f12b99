import type { Command } from 'commander';
import { askGateway } from '../admin-client.ts';
import { green, print } from '../print.ts';
import { runningGateway } from '../running-gateway.ts';

interface Options {
  config: string;
  json?: boolean;
}

/** `strangler reload`: a running gateway takes over what the files say now. */
export function addReload(program: Command): void {
  program
    .command('reload')
    .description('have the running gateway take over the configuration, or say why it keeps the one it has')
    .action(async (_options, command: Command) => {
      const options = command.optsWithGlobals<Options>();
      const { changed } = await askGateway<{ changed: string[] }>(
        runningGateway(options.config),
        'POST',
        '/api/reload',
      );
      print(options, { changed }, () =>
        changed.length === 0 ? 'nothing has changed' : green(`taken over: ${changed.join(', ')}`),
      );
    });
}
