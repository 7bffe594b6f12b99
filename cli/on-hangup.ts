/**
 * Calls `act` on each SIGHUP, which asks for new log files and for the configuration to be read again; gives back how to end that. At a terminal the
 * signal means that its window was closed: there it ends the process, as it does by default.
 */
export function onHangup(act: () => void): () => void {
  if (process.stdin.isTTY) return () => {};
  process.on('SIGHUP', act);
  return () => process.off('SIGHUP', act);
}
