import { startApplication } from './application.ts';
import { ConfigurationError, readConfig } from './config.ts';
import { reportListening } from './telemetry.ts';

/**
 * `LEGACY_DB_URL=mysql://root:secret@127.0.0.1:3306/legacy PORT=8000 node --import tsx legacy-stub/main.ts`; SIGTERM or
 * SIGINT ends it.
 */
try {
  const application = await startApplication(readConfig(process.env));
  reportListening(application.url);
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => void application.stop());
} catch (error) {
  console.error(error instanceof ConfigurationError ? error.message : error);
  process.exitCode = 1;
}
