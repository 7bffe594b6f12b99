import { z } from 'zod';
import { parseLogUrl } from './log-url.ts';

/** The log's keys at the top level of the configuration. */
export const logTopLevel = {
  log: z
    .string()
    .superRefine((text, context) => {
      try {
        parseLogUrl(text);
      } catch (error) {
        context.addIssue({ code: 'custom', message: (error as RangeError).message });
      }
    })
    .optional()
    .meta({
      description:
        'Where the event log is kept: sqlite:PATH, one file that all processes of one machine share. Left out: log.db in the data directory.',
    }),
};
