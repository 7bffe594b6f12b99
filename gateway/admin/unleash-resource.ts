import type { IncomingMessage, ServerResponse } from 'node:http';
import type { FlagClientApi } from '../flags/client-api.ts';
import type { AdminPorts } from './admin-ports.ts';
import type { SdkMetrics, SdkRegistration } from './sdk-report.ts';

/** Answers Unleash's `GET /client/features`: all flags, or 304 while they are what the client has. */
export function answerFeatures(flags: FlagClientApi, request: IncomingMessage, response: ServerResponse): void {
  const { body, etag } = flags.features(knowsSegments(request.headers['unleash-client-spec']));
  response.setHeader('etag', etag).setHeader('vary', 'unleash-client-spec');
  if (isCurrent(request.headers['if-none-match'], etag)) {
    response.writeHead(304).end();
  } else {
    response.writeHead(200, { 'content-type': 'application/json; charset=utf-8' }).end(body);
  }
}

/** Tells the operator's log of an application that takes its flags here; that it is registered changes nothing. */
export function takeRegistration({ logger }: AdminPorts, { appName, instanceId, sdkVersion }: SdkRegistration): void {
  logger.info({ appName, instanceId, sdkVersion }, 'an Unleash SDK takes its flags here');
}

/**
 * Counts what an Unleash SDK tells of its use of flags. Flags that are neither set nor asked for are counted together: an SDK may tell any
 * name.
 */
export function takeMetrics(ports: AdminPorts, { appName, bucket }: SdkMetrics): void {
  const known = new Set([...ports.journal.state.flags.keys(), ...ports.flagsInUse()]);
  const reported = ports.metrics.counter(
    'strangler_gateway_flag_uses_reported_total',
    'Evaluations of built-in flags that Unleash SDKs told of.',
    ['flag', 'enabled'],
  );
  for (const [name, counts] of Object.entries(bucket.toggles)) {
    if (known.has(name)) ports.flags.uses.add(name, counts, appName);
    const flag = known.has(name) ? name : otherFlags;
    reported.inc({ flag, enabled: 'true' }, counts.yes);
    reported.inc({ flag, enabled: 'false' }, counts.no);
  }
}

/** Label of all flags that are not known here. No flag can have this name. */
const otherFlags = '(other)';

function isCurrent(condition: string | undefined, etag: string): boolean {
  return (condition ?? '').split(',').some((tag) => tag.trim().replace(/^W\//, '') === etag);
}

/** SDKs say which version of Unleash's client specification they keep to; segments came with 4.2. */
function knowsSegments(specification: string | string[] | undefined): boolean {
  const [, major, minor] = /^(\d{1,4})\.(\d{1,4})/.exec(String(specification)) ?? [];
  return Number(major) > 4 || (Number(major) === 4 && Number(minor) >= 2);
}
