import type { BridgeError } from '../../../errors.ts';
import type { ConnectionSettings } from '../../connection-settings.ts';
import type { BinlogEventStream, BinlogRequest } from '../event-stream.ts';
import { dumpCommand } from './dump-command.ts';
import { identify, prepareDump, sendsChecksums } from './dump-session.ts';
import { EventFeed } from './event-feed.ts';
import { abortable, DatabaseSession } from './session.ts';

/**
 * Opens a replication connection and asks for the binlog; resolves when the server has begun to send. `server` is who answered: whoever
 * stores positions compares it with whom they belong to. The stream ends without an error when `signal` aborts.
 *
 * Rejects, and the stream ends, with BridgeError `legacy-unreachable` (also: silent, killed, not a database), `legacy-refused` (account,
 * host, plugin or privilege), `password-refused`, `legacy-tls`, `another-server` (of the other flavour), `position-not-on-server`,
 * `server-id-taken`, `event-too-large` or `binlog-undecodable` (the server itself cannot read its file); with the signal's reason when it
 * aborts before the server has begun; with a RangeError when the GTIDs are no text of their flavour.
 */
export async function openBinlogStream(
  settings: ConnectionSettings,
  request: BinlogRequest,
  signal: AbortSignal,
): Promise<BinlogEventStream> {
  const session = await DatabaseSession.open(settings, signal);
  try {
    return await abortable(session.socket, signal, () => beginDump(session, request, signal));
  } catch (error) {
    session.socket.destroy();
    throw error;
  }
}

async function beginDump(
  session: DatabaseSession,
  request: BinlogRequest,
  signal: AbortSignal,
): Promise<BinlogEventStream> {
  const server = await identify(session);
  await prepareDump(session, server, request);
  const command = dumpCommand(server.flavour, request);
  const checksums = await sendsChecksums(session);
  const { socket } = session;
  const stop = () => void feed.close();
  const tap = {
    pause: () => socket.pause(),
    resume: () => socket.resume(),
    fail: (failure: BridgeError) => socket.fail(failure),
    destroy() {
      signal.removeEventListener('abort', stop);
      socket.destroy();
    },
  };
  const feed = new EventFeed(server, checksums, tap, request);
  signal.addEventListener('abort', stop, { once: true });
  socket.follow(request.maxEventBytes, feed);
  socket.command(command);
  await feed.begun();
  return feed;
}
