import { pino } from 'pino';

/** The few methods that parts log with: a message for the operator and fields with fixed names (`route`, `table`, `stream`, `position`, …). */
export interface Logger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** JSON lines on standard error, one a record, `part` on each. Level from `level`, default info. */
export function createLogger(part: string, level = 'info'): Logger {
  return pino(
    {
      base: { part },
      level,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    pino.destination({ dest: 2, sync: true }),
  );
}

/** For tests and tools: nothing is written. */
export const silent: Logger = { debug() {}, info() {}, warn() {}, error() {} };
