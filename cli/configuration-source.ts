import type { ConfigurationSource } from '../gateway/reload/configuration.ts';
import { ConfigError, formatProblem } from './config/problem.ts';
import { gatewayConfigOf } from './gateway-slice.ts';
import { openSystem, type System } from './system.ts';

/** The files that a system was opened from, as a running gateway reads them again: checked as `strangler check` does. */
export function configurationSource({ path, written }: System): ConfigurationSource {
  return {
    written,
    read() {
      try {
        const system = openSystem(path);
        return { config: gatewayConfigOf(system), written: system.written };
      } catch (error) {
        return { problems: problemsOf(error) };
      }
    },
  };
}

function problemsOf(error: unknown): string[] {
  return error instanceof ConfigError ? error.problems.map(formatProblem) : [(error as Error).message];
}
