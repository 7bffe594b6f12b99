import type { Front } from '../front.ts';
import type { Rooms } from '../rooms.ts';
import type { WorkerCrew } from './workers.ts';

/**
 * Starts the workers in place of a listener of this process's own, and leads them: what the log tells here, and every other configuration, is passed on
 * to them. Rejects when they cannot serve.
 */
export async function leadWorkers(crew: WorkerCrew, { bypass, journal, plans }: Rooms): Promise<Front> {
  const url = await crew.start({ bypassed: () => bypass.active });
  const unsubscribe = journal.subscribe((_, { action }) => {
    if (action !== 'shadow-tallied') void crew.tell({ kind: 'look-at-log' });
  });
  let draining = false;
  return {
    url,
    draining: () => draining,
    async apply({ config, written }) {
      await plans.replace(config);
      await crew.tell({ kind: 'configuration', written });
    },
    reloadCertificates: () => crew.tell({ kind: 'reload-certificates' }),
    reopenLogs: () => crew.tell({ kind: 'reopen-logs' }),
    async stop() {
      draining = true;
      unsubscribe();
      await crew.stop();
    },
  };
}
