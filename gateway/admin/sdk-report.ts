import { z } from 'zod';

const count = z.int().nonnegative().default(0);
const name = z.string().min(1).max(255);
/** An SDK tells of the flags that its application asks for. */
const maxFlags = 10_000;

const toggles = z
  .record(
    z.string().max(255),
    z.looseObject({ yes: count, no: count, variants: z.record(z.string(), count).default({}) }),
  )
  .refine((flags) => Object.keys(flags).length <= maxFlags, `expected at most ${maxFlags} flags`);

/**
 * What Unleash SDKs tell of themselves and of their use of flags; members that are not looked at may be anything.
 * https://docs.getunleash.io/reference/api/legacy/unleash/client/metrics
 */
export const sdkReports = {
  register: z.looseObject({
    appName: name,
    instanceId: name.optional(),
    sdkVersion: name.nullish(),
    strategies: z.array(z.string()).max(1_000).optional(),
  }),
  metrics: z.looseObject({ appName: name, instanceId: name.optional(), bucket: z.looseObject({ toggles }) }),
} as const;

export type SdkRegistration = z.infer<typeof sdkReports.register>;
export type SdkMetrics = z.infer<typeof sdkReports.metrics>;
