import { readFileSync } from 'node:fs';
import { type Command, InvalidArgumentError } from 'commander';
import type { z } from 'zod';
import { GatewayError, gatewayErrors } from '../../gateway/errors.ts';
import type { ExplainedRequest } from '../../gateway/explain.ts';
import { stageText } from '../../gateway/journal/rollout-steps.ts';
import type { OfflineExplanation } from '../../gateway/offline.ts';
import type { ContenderView } from '../../gateway/routing/explanation.ts';
import { describeRequest, type WrittenRequest, writtenRequest } from '../../gateway/written-request.ts';
import { createLogger } from '../../runtime/logger.ts';
import { Metrics } from '../../runtime/metrics.ts';
import { AwayError, askGateway, CommandError } from '../admin-client.ts';
import { gatewayConfigOf } from '../gateway-slice.ts';
import { bold, dim, print, table, yellow } from '../print.ts';
import { openSystem, type System } from '../system.ts';

interface Options {
  config: string;
  json?: boolean;
  header: Record<string, string[]>;
  body?: string;
  user?: string;
  time?: string;
  client?: string;
  offline?: boolean;
}

/** An explanation, from the gateway or without it. */
type Explained = ExplainedRequest & Partial<Pick<OfflineExplanation, 'offline'>>;

/** `strangler explain`: where a request would go, asked from the running gateway, or from the configuration when none runs. */
export function addExplain(program: Command): void {
  program
    .command('explain <method> <url>')
    .description('which route a request would take, which side answers, and every step of why')
    .option('-H, --header <header>', "a request header, as in -H 'x-beta: 1'", collectHeader, {})
    .option(
      '--body <text>',
      'the body, or @FILE; JSON when it reads as that, else a form, unless a header says it',
      readText,
    )
    .option('--user <name>', 'who asks, whatever the request itself says')
    .option(
      '--time <time>',
      'decide for this moment, as in 2026-01-31T12:00:00Z; flags with a constraint on time look at it',
    )
    .option('--client <address>', "the client's address")
    .option('--offline', 'do not ask the gateway: from the configuration and what the gateway left on disk')
    .action(async (method: string, url: string, _options, command: Command) => {
      const options = command.optsWithGlobals<Options>();
      const { header: headers, body, user, time, client: clientAddress } = options;
      const request = readRequest({ method, url, headers, body, user, time, clientAddress }, command);
      print(options, await explain(openSystem(options.config), request, options), describe);
    });
}

async function explain(system: System, request: WrittenRequest, { offline = false }: Options): Promise<Explained> {
  if (offline) return withoutGateway(system, request);
  try {
    return await askGateway<ExplainedRequest>(system, 'POST', '/api/explain', request);
  } catch (error) {
    if (error instanceof AwayError) return withoutGateway(system, request);
    throw error;
  }
}

/** The code that does without a gateway is loaded when there is none. */
async function withoutGateway(system: System, request: WrittenRequest): Promise<Explained> {
  const { explainOffline } = await import('../../gateway/offline.ts');
  const ports = { logger: createLogger('explain', 'warn'), metrics: new Metrics() };
  try {
    return await explainOffline(gatewayConfigOf(system), describeRequest(request), ports);
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    const { status } = gatewayErrors[error.code];
    throw new CommandError(`the gateway would answer ${status} ${error.code}: ${error.message}`);
  }
}

function describe(explained: Explained): string {
  const { route, capability, stage, primary, shadow, reasons, contenders, identity, offline } = explained;
  const steps = reasons.map(({ step, outcome }, index) => `  ${index + 1}. ${step.padEnd(9)}  ${outcome}`);
  return [
    `${bold(primary)} answers${shadow ? `, ${shadow} is asked afterwards and compared` : ''}`,
    dim(
      `route ${route ?? '(none)'}${capability ? ` of ${capability}` : ''}${stage ? `, stage ${stageText(stage)}` : ''}`,
    ),
    ...steps,
    ...(contenders.length > 1 || (contenders.length > 0 && route === undefined)
      ? ['', describeContenders(contenders)]
      : []),
    '',
    dim(`user: ${identity.user ?? 'nobody'} (${identity.because}); decided by ${identity.unit}`),
    ...(offline ? [yellow(`no gateway was asked. Stages: ${offline.stages}. Flags: ${offline.flags}.`)] : []),
  ].join('\n');
}

function describeContenders(contenders: readonly ContenderView[]): string {
  return table(
    ['routes whose path fits', 'of', '', ''],
    contenders.map(({ match, capability, outcome, because }) => [match, capability, outcome, because ?? '']),
  );
}

/** What of a written request was typed as which argument or option. */
const typedAs: Readonly<Record<string, string>> = {
  headers: '--header',
  clientAddress: '--client',
  user: '--user',
  time: '--time',
};

/** The request that was typed; ends the command as wrong usage when it is none. */
function readRequest(typed: z.input<typeof writtenRequest>, command: Command): WrittenRequest {
  const read = writtenRequest.safeParse(typed);
  if (read.success) return read.data;
  const problems = read.error.issues.map(({ path: [member], message }) => {
    const name = String(member);
    const found = JSON.stringify(typed[name as keyof typeof typed]);
    return `${typedAs[name] ?? name}: found ${found}, ${message}`;
  });
  return command.error(problems.join('\n'));
}

function collectHeader(text: string, headers: Record<string, string[]>): Record<string, string[]> {
  const [, name, value] = /^([!#$%&'*+.^_`|~\w-]+):\s*(.*)$/.exec(text) ?? [];
  if (name === undefined || value === undefined) {
    throw new InvalidArgumentError(`found ${JSON.stringify(text)}, expected NAME: VALUE.`);
  }
  const lower = name.toLowerCase();
  return { ...headers, [lower]: [...(headers[lower] ?? []), value] };
}

function readText(text: string): string {
  if (!text.startsWith('@')) return text;
  try {
    return readFileSync(text.slice(1), 'utf8');
  } catch (error) {
    throw new InvalidArgumentError(`${text.slice(1)} cannot be read: ${(error as Error).message}`);
  }
}
