/** A process that tells `opening`, then opens the log at the URL given and holds it. */
import { openLog } from '../../event-log/open.ts';

process.stdout.write('opening\n', () => {
  openLog(process.argv[2]!);
  setInterval(() => {}, 1_000);
});
