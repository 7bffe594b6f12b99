import { z } from 'zod';
import { byteSize, duration, percent } from '../../runtime/config-values.ts';

/** What shadow traffic may use; beyond it exchanges are dropped and counted, the client never waits. */
export interface ShadowBudget {
  /** Requests to the other side at the same time. */
  readonly concurrency: number;
  readonly deadlineMs: number;
  /** A longer answer is not compared byte by byte. */
  readonly maxBodyBytes: number;
  /** Bytes of answers held at the same time, waiting and running. */
  readonly maxMemoryBytes: number;
}

/** The key `shadow` of a capability, read. */
export interface ShadowConfig {
  /** Percent of the reads that legacy serves. */
  readonly sample: number;
  /** Percent of the reads that the new side serves. */
  readonly reverse: number;
  readonly budget: ShadowBudget;
}

const budget = z
  .strictObject({
    concurrency: z.int().min(1).max(1000).default(20).meta({ description: 'Shadow requests at the same time.' }),
    deadline: duration.prefault('2s').meta({ description: 'How long the other side may take.' }),
    body: byteSize.prefault('256KiB').meta({ description: 'Longer answers are not compared.' }),
    memory: byteSize.prefault('64MiB').meta({ description: 'Answers held in memory, waiting and running.' }),
  })
  .refine(({ body, memory }) => memory >= 4 * body, {
    message: 'expected memory of at least four times body',
    path: ['memory'],
  })
  .transform(
    ({ concurrency, deadline, body, memory }): ShadowBudget => ({
      concurrency,
      deadlineMs: deadline,
      maxBodyBytes: body,
      maxMemoryBytes: memory,
    }),
  );

/** Value of the key `shadow` of a capability; everything is optional. */
export const shadowSchema = z
  .strictObject({
    sample: percent
      .prefault('100%')
      .meta({ description: 'How many of the reads that legacy serves are also asked of the new side.' }),
    reverse: percent
      .prefault('0%')
      .meta({ description: 'How many of the reads that the new side serves are also asked of legacy.' }),
    budget: budget.prefault({}).meta({ description: 'What shadow traffic may use; beyond it exchanges are dropped.' }),
  })
  .meta({ description: 'Which reads are also asked of the other side, after the client is served, and compared.' });
