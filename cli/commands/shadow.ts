import { userInfo } from 'node:os';
import type { Command } from 'commander';
import type { Difference } from '../../gateway/comparison/difference.ts';
import type { LatencyReport, PlaceReport, RouteReport, ShadowReport } from '../../gateway/evidence/report.ts';
import { askGateway } from '../admin-client.ts';
import { bold, dim, green, percentText, print, red, table } from '../print.ts';
import { openSystem } from '../system.ts';

interface Options {
  config: string;
  json?: boolean;
  route?: string;
  reason?: string;
}

/** `strangler shadow report` and `strangler shadow reset`. */
export function addShadow(program: Command): void {
  const shadow = program.command('shadow').description('what shadow traffic found');
  shadow
    .command('report')
    .description(
      'per route: how many answers were compared, how many matched, and the differences by path with an example',
    )
    .option('--route <name>', 'only this route')
    .action(async (_options, command: Command) => {
      const options = command.optsWithGlobals<Options>();
      const query = options.route === undefined ? '' : `?route=${encodeURIComponent(options.route)}`;
      const report = await askGateway<ShadowReport>(openSystem(options.config), 'GET', `/api/shadow/report${query}`);
      print(options, report, describe);
    });
  shadow
    .command('reset <route>')
    .description('forget what was compared on a route, for instance after a fix')
    .option('--reason <text>', 'why')
    .action(async (route: string, _options, command: Command) => {
      const options = command.optsWithGlobals<Options>();
      const body = { route, reason: options.reason ?? 'reset by hand', by: userInfo().username };
      await askGateway(openSystem(options.config), 'POST', '/api/shadow/reset', body);
      print(options, { route, reset: true }, () => `${route}: forgotten, comparing anew`);
    });
}

function describe({ routes }: ShadowReport): string {
  if (routes.length === 0) return 'Nothing was compared yet: send reads through a route in stage shadow or canary.';
  const overview = table(
    ['route', 'seen', 'compared', 'equal', 'matched by rules', 'mismatched', 'agree', 'not comparable', 'dropped'],
    routes.map((route) => [
      route.route,
      ...[route.seen, route.compared, route.equal, route.matched, route.mismatched].map(String),
      percentText(route.compared - route.mismatched, route.compared),
      String(sum(route.notComparable)),
      String(sum(route.dropped)),
    ]),
  );
  return [overview, ...routes.map(details)].filter(Boolean).join('\n\n');
}

function details(route: RouteReport): string {
  const lines = [
    ...(route.candidateFailures > 0 ? [red(`  ${route.candidateFailures} times the candidate gave no answer`)] : []),
    ...reasons('not comparable', route.notComparable),
    ...reasons('dropped', route.dropped),
    ...route.differences.flatMap((place) => placeLines(red('differs '), place)),
    ...route.harmless.flatMap((place) => placeLines(green('harmless'), place, `declared by ${place.rule}`)),
    latencyLine(route),
  ];
  return [bold(route.route), ...lines].join('\n');
}

function placeLines(mark: string, { path, count, example }: PlaceReport, remark = ''): string[] {
  const first = `  ${mark}  ${path}  ${count}×${remark && `  ${remark}`}`;
  return example
    ? [
        first,
        dim(`            ${exampleText(example.difference)}   (${example.method} ${example.target}, ${example.at})`),
      ]
    : [first];
}

/** `control "0000-00-00", candidate null`; what only one side has, or a sentence where there are no two values. */
function exampleText(difference: Difference): string {
  if ('reason' in difference) return difference.reason;
  const sides = [
    'control' in difference ? `control ${valueText(difference.control)}` : 'not in control',
    'candidate' in difference ? `candidate ${valueText(difference.candidate)}` : 'not in candidate',
  ];
  return difference.kind === 'order' ? 'the same elements in another order' : sides.join(', ');
}

function valueText(value: unknown): string {
  if (value === undefined) return 'nothing';
  const text = JSON.stringify(value);
  return text.length > 100 ? `${text.slice(0, 100)}…` : text;
}

function latencyLine({ latencyMs: { control, candidate } }: RouteReport): string {
  const text = ({ p50, p99 }: LatencyReport) => `p50 ${milliseconds(p50)}, p99 ${milliseconds(p99)}`;
  return dim(`  latency   legacy ${text(control)}; new ${text(candidate)}`);
}

const milliseconds = (value: number | undefined) => (value === undefined ? '–' : `${value.toFixed(1)} ms`);

function reasons(what: string, counts: Readonly<Record<string, number>>): string[] {
  const parts = Object.entries(counts).map(([reason, count]) => `${reason} ${count}×`);
  return parts.length > 0 ? [`  ${what}: ${parts.join(', ')}`] : [];
}

const sum = (counts: Readonly<Record<string, number>>) =>
  Object.values(counts).reduce((total, count) => total + count, 0);
