import type { Command } from 'commander';
import { openPlan } from '../../gateway/offline.ts';
import { createLogger } from '../../runtime/logger.ts';
import { Metrics } from '../../runtime/metrics.ts';
import { loadExpectations } from '../expectations/load-expectations.ts';
import { type ExpectationResult, type ExpectationsReport, runExpectations } from '../expectations/run-expectations.ts';
import { gatewayConfigOf } from '../gateway-slice.ts';
import { dim, green, percentText, print, red, yellow } from '../print.ts';
import { openSystem } from '../system.ts';

interface Options {
  config: string;
  json?: boolean;
  covered?: boolean;
}

/** `strangler test`: whether the configuration sends requests where somebody expects them to go. Nothing has to run. */
export function addTest(program: Command): void {
  program
    .command('test')
    .argument('[file]', 'a list of requests, each with what is expected of it', 'routes.test.yaml')
    .description(
      'ask the configuration where requests go, and compare with what a file expects; exit status 1 when it differs',
    )
    .option('--covered', 'fail also when a route takes none of the requests')
    .action(async (file: string, _options, command: Command) => {
      const options = command.optsWithGlobals<Options>();
      const report = await test(file, options);
      print(options, report, describeReport);
      if (report.failed > 0 || (options.covered && report.uncovered.length > 0)) process.exitCode = 1;
    });
}

async function test(file: string, options: Options): Promise<ExpectationsReport> {
  const system = openSystem(options.config);
  const ports = { logger: createLogger('test', 'warn'), metrics: new Metrics() };
  const plan = await openPlan(gatewayConfigOf(system), ports);
  try {
    return await runExpectations(loadExpectations(file, plan.table, system.environment), plan);
  } finally {
    await plan.stop();
  }
}

function describeReport({ results, failed, uncovered, routes }: ExpectationsReport): string {
  const passed = results.length - failed;
  return [
    ...results.filter(({ failures }) => failures.length > 0).map(describeFailure),
    (failed > 0 ? red : green)(`${passed} of ${results.length} expectations met`),
    `${routes - uncovered.length} of ${routes} routes covered (${percentText(routes - uncovered.length, routes)})`,
    ...uncovered.map((name) => yellow(`  not covered: ${name}`)),
  ].join('\n');
}

function describeFailure({ place, request, failures, reasons }: ExpectationResult): string {
  return [
    `${place} ${request}`,
    ...failures.map((failure) => red(`  ${failure}`)),
    ...reasons.map((reason) => dim(`    ${reason}`)),
    '',
  ].join('\n');
}
