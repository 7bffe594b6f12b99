import { isAbsolute, join } from 'node:path';
import { z } from 'zod';
import { byteSize, duration, percent } from '../../runtime/config-values.ts';

const accessLogMapping = z.strictObject({
  file: z
    .string()
    .min(1)
    .default('logs/access.log')
    .meta({ description: 'Where lines go; a relative path is below the data directory, "-" is standard output.' }),
  query: z
    .boolean()
    .default(false)
    .meta({ description: 'Whether the query is written too. It may hold what nobody should read.' }),
  rotate: z
    .union([
      z.literal('off'),
      z.strictObject({
        at: byteSize.prefault('64MiB').meta({ description: 'The size at which a new file is begun.' }),
        keep: z.int().min(1).max(1000).default(3).meta({ description: 'How many older files are kept.' }),
      }),
    ])
    .prefault({})
    .meta({ description: 'When a new file is begun; off where something else rotates and sends SIGHUP.' }),
  buffer: byteSize
    .prefault('4MiB')
    .meta({ description: 'How much waits for a slow disk; lines beyond that are dropped and counted.' }),
});

/** Keys of accounting at the top of the configuration. */
export const accountingTopLevel = {
  accessLog: z
    .union([
      z.literal('off'),
      z
        .string()
        .min(1)
        .transform((file): z.input<typeof accessLogMapping> => ({ file }))
        .pipe(accessLogMapping),
      accessLogMapping,
    ])
    .prefault({})
    .meta({ description: 'One JSON line for each request: a file, "-" for standard output, off, or a mapping.' }),
  telemetry: z
    .strictObject({
      otlp: z.url({ protocol: /^https?$/ }).meta({
        description: 'An OpenTelemetry collector over HTTP, http://collector:4318; /v1/traces and /v1/metrics follow.',
      }),
      headers: z
        .record(z.string(), z.string())
        .default({})
        .meta({ description: 'Sent to the collector with every export, such as authorization.' }),
      sample: percent.prefault('1%').meta({ description: 'Share of the requests whose span is recorded.' }),
      follow: z.enum(['trusted', 'all']).default('trusted').meta({
        description: 'Whose traceparent may have its request sampled: that of trusted proxies, or of anybody.',
      }),
      interval: duration
        .refine((ms) => ms >= 1_000, 'expected at least 1s')
        .prefault('60s')
        .meta({ description: 'How often metrics are sent.' }),
    })
    .optional()
    .meta({ description: 'Sends traces and metrics by OTLP; without it nothing is sent.' }),
};

/** How the access log is written. */
export interface AccessLogConfig {
  /** Absolute path, or `-` for standard output. */
  readonly file: string;
  readonly query: boolean;
  /** Undefined: the file is never rotated here. */
  readonly rotate: { readonly maxBytes: number; readonly keep: number } | undefined;
  readonly bufferBytes: number;
}

/** Where traces and metrics are sent, and which requests are traced. */
export interface TelemetryConfig {
  readonly otlp: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly samplePercent: number;
  readonly follow: 'trusted' | 'all';
  readonly intervalMs: number;
}

/** What accounting is told by the configuration; undefined is off. */
export interface AccountingConfig {
  readonly accessLog: AccessLogConfig | undefined;
  readonly telemetry: TelemetryConfig | undefined;
}

const accountingObject = z.object(accountingTopLevel);

/** Accounting's keys of a checked configuration. */
export type ParsedAccounting = z.output<typeof accountingObject>;

/** Accounting's configuration from its parsed keys. Pure. */
export function accountingConfig({ accessLog, telemetry }: ParsedAccounting, dataDir: string): AccountingConfig {
  return {
    accessLog: accessLog === 'off' ? undefined : accessLogConfig(accessLog, dataDir),
    telemetry: telemetry && {
      otlp: telemetry.otlp,
      headers: telemetry.headers,
      samplePercent: telemetry.sample,
      follow: telemetry.follow,
      intervalMs: telemetry.interval,
    },
  };
}

function accessLogConfig(
  { file, query, rotate, buffer }: z.output<typeof accessLogMapping>,
  dataDir: string,
): AccessLogConfig {
  return {
    file: file === '-' || isAbsolute(file) ? file : join(dataDir, file),
    query,
    rotate: rotate === 'off' ? undefined : { maxBytes: rotate.at, keep: rotate.keep },
    bufferBytes: buffer,
  };
}
