import { BridgeError } from '../../../errors.ts';
import { type ConnectionSettings, type Credentials, readCredentials } from '../../connection-settings.ts';
import { type AuthPlugin, findPlugin, requirePlugin, type Secret } from './auth-plugins.ts';
import { capability, type Greeting, handshakeResponse, parseGreeting, tlsRequest } from './handshake.ts';
import { malformed } from './packet-reader.ts';
import { PacketSocket } from './packet-socket.ts';
import { PayloadCursor } from './payload-cursor.ts';
import { bridgeErrorOf, parseServerError } from './server-error.ts';

const ok = 0x00;
const moreData = 0x01;
const endOrSwitch = 0xfe;
const error = 0xff;
const comQuery = 0x03;
/** An end-of-rows packet is shorter than this; a row that begins alike is longer. */
const endBytes = 9;

/** A connection that the server has let in. */
export class DatabaseSession {
  readonly socket: PacketSocket;

  private constructor(socket: PacketSocket) {
    this.socket = socket;
  }

  /**
   * Connects and proves who we are. Throws BridgeError `legacy-unreachable`, `legacy-refused`, `password-refused` or `legacy-tls`, and
   * the signal's reason when it aborts.
   */
  static async open(settings: ConnectionSettings, signal: AbortSignal): Promise<DatabaseSession> {
    const credentials = await readCredentials(settings);
    signal.throwIfAborted();
    const socket = PacketSocket.open(settings);
    const session = new DatabaseSession(socket);
    try {
      await abortable(socket, signal, () => session.#logIn(settings, credentials));
      return session;
    } catch (failure) {
      socket.destroy();
      throw failure;
    }
  }

  /** The rows of a statement, each cell as text; empty for one without a result. */
  async query(sql: string): Promise<(string | undefined)[][]> {
    this.socket.command(Buffer.concat([Buffer.of(comQuery), Buffer.from(sql)]));
    const head = await this.#next(`asking ${sql}`);
    if (head[0] === ok) return [];
    const columns = head[0]!;
    for (let column = 0; column <= columns; column++) await this.#next('reading columns');
    const rows: (string | undefined)[][] = [];
    for (;;) {
      const payload = await this.#next('reading rows');
      if (payload[0] === endOrSwitch && payload.length < endBytes) return rows;
      const cells = new PayloadCursor(payload);
      rows.push(Array.from({ length: columns }, () => cells.lengthEncoded()?.toString('utf8')));
    }
  }

  /** A command that is answered by success or an error. */
  async execute(command: Buffer, doing: string): Promise<void> {
    this.socket.command(command);
    await this.#next(doing);
  }

  /** The next payload that is not an error. */
  async #next(doing: string, passwordFromFile = false): Promise<Buffer> {
    const payload = await this.socket.next(doing);
    if (payload.length === 0) throw malformed(`found an empty packet while ${doing}`);
    if (payload[0] !== error) return payload;
    throw bridgeErrorOf(parseServerError(payload), { doing, passwordFromFile, otherwise: 'legacy-refused' });
  }

  async #logIn(settings: ConnectionSettings, { password, tls }: Credentials): Promise<void> {
    const greeting = parseGreeting(await this.#next('waiting for its greeting'));
    if (tls) {
      requireTls(greeting, settings);
      this.socket.send(tlsRequest());
      await this.socket.secure(tls);
    }
    const isPrivate = tls !== undefined || settings.socketPath !== undefined;
    await this.#prove(
      settings,
      { password: Buffer.from(password), scramble: greeting.scramble, isPrivate },
      greeting.plugin,
    );
  }

  /** Answers with the plugin that the greeting proposes, where it is known here, and then with the one that the account needs. */
  async #prove(settings: ConnectionSettings, first: Secret, proposed: string): Promise<void> {
    const name = findPlugin(proposed) ? proposed : 'mysql_native_password';
    let plugin = requirePlugin(name);
    let secret = first;
    this.socket.send(handshakeResponse(settings.user, plugin.proof(secret), name, settings.tls !== undefined));
    for (;;) {
      const payload = await this.#next('logging in', settings.passwordFile !== undefined);
      if (payload[0] === ok) return;
      if (payload[0] === endOrSwitch) {
        const asked = parseSwitch(payload);
        plugin = requirePlugin(asked.plugin);
        secret = { ...secret, scramble: asked.scramble };
        this.socket.send(plugin.proof(secret));
      } else if (payload[0] === moreData) {
        this.#answer(plugin, payload.subarray(1), secret);
      } else throw malformed(`found a packet of kind ${payload[0]} while logging in`);
    }
  }

  #answer(plugin: AuthPlugin, data: Buffer, secret: Secret): void {
    const answer = plugin.more?.(data, secret);
    if (answer) this.socket.send(answer);
  }
}

/** Layout: 0xfe, plugin (to zero), scramble (with a zero at its end). One without a plugin is the password format of before 4.1. */
function parseSwitch(payload: Buffer): { plugin: string; scramble: Buffer } {
  const fields = new PayloadCursor(payload, 1);
  const plugin = fields.atEnd ? 'mysql_old_password' : fields.untilZero().toString('latin1');
  const scramble = fields.rest();
  return { plugin, scramble: scramble.at(-1) === 0 ? scramble.subarray(0, -1) : scramble };
}

function requireTls({ capabilities, serverVersion }: Greeting, { host }: ConnectionSettings): void {
  if ((capabilities & capability.ssl) !== 0) return;
  throw new BridgeError(
    'legacy-tls',
    `legacy database: server ${serverVersion} at ${host} offers no TLS, and legacy.database.tls asks for it`,
  );
}

/** Ends the connection when the signal aborts meanwhile. */
export async function abortable<T>(socket: PacketSocket, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  const abort = () =>
    socket.fail(new BridgeError('legacy-unreachable', 'binlog connection: given up while connecting'));
  signal.addEventListener('abort', abort, { once: true });
  try {
    return await work();
  } catch (failure) {
    signal.throwIfAborted();
    throw failure;
  } finally {
    signal.removeEventListener('abort', abort);
  }
}
