import type { HealthCheckConfig } from '../config.ts';
import type { Connections } from './connections.ts';

/** What is known of an upstream's health: nothing yet, or what the last checks said. */
export type Health = 'unchecked' | 'healthy' | 'unhealthy';

/** What a check found: the side works, or why not. */
export type CheckResult = { readonly kind: 'healthy' } | { readonly kind: 'unhealthy'; readonly detail: string };

/** A check that repeats until it is stopped. */
export interface RunningCheck {
  stop(): void;
}

/** Asks a path at once and then regularly, one question at a time, each on a connection of its own so that it sees what a new client sees. */
export function startHealthCheck(
  connections: Connections,
  authority: string,
  config: HealthCheckConfig,
  found: (result: CheckResult) => void,
): RunningCheck {
  let stopped = false;
  let timer: NodeJS.Timeout | undefined;
  let cancel = () => {};
  const check = async () => {
    const asked = ask(connections, authority, config);
    cancel = asked.cancel;
    const result = await asked.result;
    if (stopped) return;
    found(result);
    timer = setTimeout(check, config.intervalMs).unref();
  };
  void check();
  return {
    stop() {
      stopped = true;
      clearTimeout(timer);
      cancel();
    },
  };
}

function ask(connections: Connections, authority: string, { path, timeoutMs }: HealthCheckConfig) {
  const headers = ['Host', authority, 'User-Agent', 'strangler-health', 'Connection', 'close'];
  const request = connections.ask({ method: 'GET', path, headers, maxIdleMs: undefined });
  const result = new Promise<CheckResult>((resolve) => {
    const late = setTimeout(() => request.destroy(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
    const settle = (detail: string | undefined) => {
      clearTimeout(late);
      resolve(detail === undefined ? { kind: 'healthy' } : { kind: 'unhealthy', detail });
      request.destroy();
    };
    request.once('response', ({ statusCode = 0 }) => settle(statusCode < 400 ? undefined : `answered ${statusCode}`));
    request.on('error', (error: NodeJS.ErrnoException) => settle(error.code ?? error.message));
    request.once('close', () => settle('closed the connection without an answer'));
    request.end();
  });
  return { result, cancel: () => request.destroy() };
}
