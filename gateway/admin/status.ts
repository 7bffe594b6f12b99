import type { TargetStatus } from '../forwarding/upstreams/target.ts';
import { stageText } from '../journal/rollout-steps.ts';
import type { ConfigurationStatus } from '../reload/configuration.ts';
import type { AdminPorts, Degradation } from './admin-ports.ts';

/**
 * Everything that works less well than it should. None of it makes the gateway unready: requests that legacy can serve are served by the
 * last known state.
 */
export function degradations({
  journal,
  flags,
  identityTroubles,
  shadows,
  targets,
  bypass,
  reloading,
}: AdminPorts): Degradation[] {
  const log = journal.status();
  const source = flags.status();
  return [
    ...(bypass.active ? [{ part: 'bypass', detail: 'bypass is on: every request goes to legacy' }] : []),
    ...(log.kind === 'away' ? [{ part: 'log', since: log.since, detail: log.detail }] : []),
    ...(source.kind === 'fresh' ? [] : [{ part: 'flags', since: source.since, detail: source.detail }]),
    ...refusedConfiguration(reloading?.status),
    ...identityTroubles().map((trouble) => ({ part: 'identity', ...trouble })),
    ...targets().flatMap(targetTroubles),
    ...shadows()
      .filter(({ breaker }) => breaker !== 'closed')
      .map(({ capability }) => ({
        part: `shadow ${capability}`,
        detail: 'the other side does not answer: nothing is compared',
      })),
  ];
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

/** What `GET /api/status` answers. */
export function statusReport(ports: AdminPorts) {
  const { journal, flags, unleashUrl, shadows, targets, routes, bypass, reloading } = ports;
  const stages = routes().map(({ stage }) => (stage ? stageText(stage) : 'no stage'));
  return {
    bypass: bypass.active,
    configuration: reloading?.status,
    log: journal.status(),
    flags: { source: unleashUrl ?? 'built in', ...flags.status() },
    routes: Object.fromEntries([...new Set(stages)].map((text) => [text, stages.filter((one) => one === text).length])),
    targets: targets(),
    shadows: shadows(),
    degraded: degradations(ports),
  };
}
