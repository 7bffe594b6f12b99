import type { Degradation } from '../degradation.ts';
import type { FlagSource } from '../flags/flag-source.ts';
import type { TargetStatus } from '../forwarding/upstreams/target.ts';
import type { IdentityTrouble } from '../identity/opened-source.ts';
import type { Journal } from '../journal/journal.ts';
import { stageText } from '../journal/rollout-steps.ts';
import type { ConfigurationStatus } from '../reload/configuration.ts';
import type { ShadowStatus } from '../shadow/shadow.ts';
import { joinDegradations, joinShadows, joinTargets } from '../workers/merge.ts';
import type { WorkerReport, WorkerStatus } from '../workers/workers.ts';
import type { AdminPorts } from './admin-ports.ts';

/** What may be in trouble in one process. */
export interface TroubledParts {
  readonly journal: Pick<Journal, 'status'>;
  readonly flags: Pick<FlagSource, 'status'>;
  readonly identityTroubles: readonly IdentityTrouble[];
  readonly targets: readonly TargetStatus[];
  readonly shadows: readonly ShadowStatus[];
}

/** What works less well than it should in one process. */
export function degradations({ journal, flags, identityTroubles, targets, shadows }: TroubledParts): Degradation[] {
  const log = journal.status();
  const source = flags.status();
  return [
    ...(log.kind === 'away' ? [{ part: 'log', since: log.since, detail: log.detail }] : []),
    ...(source.kind === 'fresh' ? [] : [{ part: 'flags', since: source.since, detail: source.detail }]),
    ...identityTroubles.map((trouble) => ({ part: 'identity', ...trouble })),
    ...targets.flatMap(targetTroubles),
    ...shadows
      .filter(({ breaker }) => breaker !== 'closed')
      .map(({ capability }) => ({
        part: `shadow ${capability}`,
        detail: 'the other side does not answer: nothing is compared',
      })),
  ];
}

/**
 * Everything that works less well than it should, in this process and in its workers. None of it makes the gateway unready: requests that legacy can
 * serve are served by the last known state.
 */
export function allDegradations(ports: AdminPorts, reports: readonly WorkerReport[]): Degradation[] {
  const { journal, flags, bypass, reloading, workers } = ports;
  const own = {
    journal,
    flags,
    identityTroubles: ports.identityTroubles(),
    targets: ports.targets(),
    shadows: ports.shadows(),
  };
  return joinDegradations([
    ...(bypass.active ? [{ part: 'bypass', detail: 'bypass is on: every request goes to legacy' }] : []),
    ...refusedConfiguration(reloading?.status),
    ...missingWorkers(workers.status()),
    ...degradations(own),
    ...reports.flatMap(({ degraded }) => degraded),
  ]);
}

function targetTroubles({ name, breaker, health, healthDetail, queued }: TargetStatus): Degradation[] {
  const part = `target ${name}`;
  const sick = health === 'unhealthy' ? [{ part, detail: `its health check fails: ${healthDetail}` }] : [];
  const suspended =
    breaker === 'open' || breaker === 'half-open'
      ? [{ part, detail: 'it has not answered lately and is not asked for a while' }]
      : [];
  const busy = queued > 0 ? [{ part, detail: `${queued} requests wait until it has room` }] : [];
  return [...sick, ...suspended, ...busy];
}

function refusedConfiguration(status: ConfigurationStatus | undefined): Degradation[] {
  if (!status?.refused) return [];
  const { since, problems } = status.refused;
  const detail = `the files cannot be used, so the configuration of ${status.since} goes on: ${problems.join('; ')}`;
  return [{ part: 'configuration', since, detail }];
}

function missingWorkers(workers: readonly WorkerStatus[]): Degradation[] {
  return workers
    .filter(({ state }) => state !== 'serving')
    .map(({ worker, state, since, detail }) => ({
      part: `worker ${worker}`,
      since,
      detail: `${state === 'starting' ? 'it is starting' : 'it will be started again'}${detail ? `; ${detail}` : ''}`,
    }));
}

/** What `GET /api/status` answers. */
export async function statusReport(ports: AdminPorts) {
  const { journal, flags, unleashUrl, targets, shadows, routes, bypass, reloading, workers } = ports;
  const stages = routes().map(({ stage }) => (stage ? stageText(stage) : 'no stage'));
  const reports = await workers.ask('report');
  return {
    bypass: bypass.active,
    configuration: reloading?.status,
    workers: workers.status(),
    log: journal.status(),
    flags: { source: unleashUrl ?? 'built in', ...flags.status() },
    routes: Object.fromEntries([...new Set(stages)].map((text) => [text, stages.filter((one) => one === text).length])),
    targets: joinTargets([...targets(), ...reports.flatMap((report) => report.targets)]),
    shadows: joinShadows([...shadows(), ...reports.flatMap((report) => report.shadows)]),
    degraded: allDegradations(ports, reports),
  };
}
