import { userInfo } from 'node:os';
import type { Command } from 'commander';
import type { RouteView } from '../../gateway/admin/admin-ports.ts';
import { stageText } from '../../gateway/journal/rollout-steps.ts';
import { askGateway } from '../admin-client.ts';
import { dim, green, print, table, yellow } from '../print.ts';
import { runningGateway } from '../running-gateway.ts';
import { openSystem } from '../system.ts';

interface Options {
  config: string;
  json?: boolean;
}

/** What a promotion or a rollback did. */
interface Move {
  readonly route: string;
  /** Stages in words: `shadow`, `canary 25 %`. */
  readonly from: string;
  readonly to: string;
}

/** `strangler routes | promote | rollback | bypass`: where requests go, and moving that. */
export function addRoutes(program: Command): void {
  program
    .command('routes')
    .description('every route with its stage and its split')
    .action(async (_options, command: Command) => {
      const options = command.optsWithGlobals<Options>();
      const system = openSystem(options.config);
      const { routes } = await askGateway<{ routes: RouteView[] }>(system, 'GET', '/api/routes');
      const { on: bypass } = await askGateway<{ on: boolean }>(system, 'GET', '/api/bypass');
      print(options, { bypass, routes }, () => `${bypass ? `${bypassText}\n\n` : ''}${describeRoutes(routes)}`);
    });
  for (const direction of ['promote', 'rollback'] as const) addMove(program, direction);
  addBypass(program);
}

function addMove(program: Command, direction: 'promote' | 'rollback'): void {
  const where = direction === 'promote' ? 'the next step of its rollout' : 'the step before';
  program
    .command(`${direction} <route>`)
    .description(`move a route, or all routes of a capability, to ${where}`)
    .option('--to <stage>', 'this stage instead: legacy, shadow, "canary 25%", new or retired')
    .option('--reason <text>', 'why; kept for ever', `${direction} by hand`)
    .action(async (route: string, _options, command: Command) => {
      const options = command.optsWithGlobals<Options & { reason: string; to?: string }>();
      const body = { to: options.to, reason: options.reason, by: userInfo().username };
      const path = `/api/routes/${encodeURIComponent(route)}/${direction}`;
      const { moved } = await askGateway<{ moved: Move[] }>(openSystem(options.config), 'POST', path, body);
      print(options, { moved }, () =>
        moved.map(({ route, from, to }) => `${route}: ${from} → ${green(to)}`).join('\n'),
      );
    });
}

function addBypass(program: Command): void {
  program
    .command('bypass')
    .description('break glass: send every request to legacy at once, whatever else is configured or broken')
    .addArgument(program.createArgument('<state>', 'on or off').choices(['on', 'off']))
    .action(async (state: 'on' | 'off', _options, command: Command) => {
      const options = command.optsWithGlobals<Options>();
      const body = { on: state === 'on', by: userInfo().username };
      await askGateway(runningGateway(options.config), 'POST', '/api/bypass', body);
      print(options, { bypass: body.on }, () => (body.on ? bypassText : green('bypass is off')));
    });
}

const bypassText = yellow('bypass is on: legacy answers every request');

function describeRoutes(routes: readonly RouteView[]): string {
  const overview = table(
    ['route', 'capability', 'stage', 'rollout', 'legacy', 'new'],
    routes.map(({ name, match, capability, stage, serve, steps, requests }) => [
      name === match ? name : `${name}: ${match}`,
      capability,
      stage ? stageText(stage) : serve ? `always ${serve}` : 'split alone',
      steps.map(stageText).join(' → '),
      String(requests.legacy),
      String(requests.new),
    ]),
  );
  const splits = routes
    .filter(({ serve, split }) => !serve && split.length > 0)
    .map(({ capability, split }) => `${dim(`split of ${capability}:`)}  ${split.join('; ')}`);
  return [overview, '', ...new Set(splits)].join('\n');
}
