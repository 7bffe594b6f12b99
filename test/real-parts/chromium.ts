import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import WebSocket from 'ws';
import { until } from '../until.ts';
import { bringDebianPackages } from './debian-tree.ts';
import type { RealPart } from './real-part.ts';
import { startTied } from './tied-process.ts';

/** A Chromium without a window, with a profile of its own. */
export interface RunningChromium extends RealPart {
  /** Opens an empty page. */
  open(): Promise<Page>;
}

/** One page of the browser. */
export interface Page {
  /** Goes to a URL and resolves when it has loaded. */
  visit(url: string): Promise<void>;
  /** Runs an expression in the page, waits for what it promises, and gives its value. Rejects with what it throws. */
  run<T>(expression: string): Promise<T>;
  /** Runs an expression that leads to another page, and resolves when that has loaded. */
  follow(expression: string): Promise<void>;
  /** Every URL that was asked for since the page was opened. */
  readonly requested: readonly string[];
  /** What scripts reported as errors. */
  readonly errors: readonly string[];
}

const names = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];

/** Starts the machine's own Chromium, or Debian's unpacked; it reaches nothing but `localhost`. Throws RealPartUnavailable where neither can be had. */
export async function startChromium(): Promise<RunningChromium> {
  const { command, libraries } = findProgram() ?? (await bringProgram());
  const home = mkdtempSync(join(tmpdir(), 'chromium-'));
  const port = join(home, 'DevToolsActivePort');
  const env = { PATH: process.env.PATH, HOME: home, LD_LIBRARY_PATH: libraries };
  const browser = await startTied({
    command,
    args: [
      '--headless=new',
      '--no-sandbox',
      '--disable-gpu',
      '--disable-dev-shm-usage',
      '--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE localhost',
      '--remote-debugging-port=0',
      `--user-data-dir=${home}`,
    ],
    options: { cwd: home, env },
    stopSignal: 'SIGTERM',
    log: join(home, 'chromium.log'),
    isReady: async () => readIfThere(port).split('\n').length > 1,
    readyWithinMs: 60_000,
  });
  const [number, path] = readFileSync(port, 'utf8').split('\n');
  const tools = await Tools.connect(`ws://127.0.0.1:${number}${path}`);
  const { stdout } = await promisify(execFile)(command, ['--version'], { env });
  return {
    version: stdout.trim(),
    open: () => openPage(tools),
    async stop() {
      tools.close();
      await browser.stop();
      rmSync(home, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

/** A program, and where its libraries are when it was unpacked rather than installed. */
interface Program {
  readonly command: string;
  readonly libraries: string;
}

function findProgram(): Program | undefined {
  const folders = (process.env.PATH ?? '').split(delimiter);
  const found = names.flatMap((name) => folders.map((folder) => join(folder, name))).find(isExecutable);
  return found === undefined ? undefined : { command: found, libraries: '' };
}

/** Debian's `chromium` is a script that wants to be installed; the program needs but its own folder, which two packages share. */
async function bringProgram(): Promise<Program> {
  const tree = await bringDebianPackages('chromium', ['chromium', 'chromium-common']);
  return { command: tree.file('/usr/lib/chromium/chromium'), libraries: tree.libraries };
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function readIfThere(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

type Params = Record<string, unknown>;
type Listener = (method: string, params: Params) => void;

/** The browser's own protocol (https://chromedevtools.github.io/devtools-protocol/), pages as sessions of one connection. */
class Tools {
  readonly #socket: WebSocket;
  readonly #waiting = new Map<number, { resolve(result: Params): void; reject(error: Error): void }>();
  readonly #listeners = new Map<string, Listener>();
  #lastId = 0;

  static async connect(url: string): Promise<Tools> {
    const socket = new WebSocket(url, { maxPayload: 256 * 1024 * 1024 });
    await once(socket, 'open');
    return new Tools(socket);
  }

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.on('message', (data) => this.#receive(JSON.parse(String(data))));
  }

  send(method: string, params: Params, sessionId?: string): Promise<Params> {
    this.#lastId += 1;
    const id = this.#lastId;
    this.#socket.send(JSON.stringify({ id, method, params, sessionId }));
    return new Promise((resolve, reject) => this.#waiting.set(id, { resolve, reject }));
  }

  listen(sessionId: string, listener: Listener): void {
    this.#listeners.set(sessionId, listener);
  }

  close(): void {
    this.#socket.close();
  }

  #receive(message: {
    id?: number;
    method?: string;
    params?: Params;
    result?: Params;
    error?: { message: string };
    sessionId?: string;
  }) {
    if (message.id === undefined) {
      this.#listeners.get(message.sessionId ?? '')?.(message.method!, message.params!);
      return;
    }
    const waiting = this.#waiting.get(message.id);
    this.#waiting.delete(message.id);
    if (message.error) waiting?.reject(new Error(message.error.message));
    else waiting?.resolve(message.result!);
  }
}

async function openPage(tools: Tools): Promise<Page> {
  const { targetId } = await tools.send('Target.createTarget', { url: 'about:blank' });
  const { sessionId } = (await tools.send('Target.attachToTarget', { targetId, flatten: true })) as {
    sessionId: string;
  };
  const send = (method: string, params: Params = {}) => tools.send(method, params, sessionId);
  const requested: string[] = [];
  const errors: string[] = [];
  let loads = 0;
  tools.listen(sessionId, (method, params) => {
    if (method === 'Page.loadEventFired') loads += 1;
    if (method === 'Network.requestWillBeSent') requested.push((params.request as { url: string }).url);
    if (method === 'Runtime.exceptionThrown') errors.push(JSON.stringify(params.exceptionDetails));
  });
  for (const domain of ['Page', 'Network', 'Runtime']) await send(`${domain}.enable`);
  const loaded = async (act: () => Promise<unknown>) => {
    const before = loads;
    await act();
    await until(
      async () => loads > before,
      60_000,
      () => `a page to load after ${requested.at(-1)}`,
    );
  };
  const run = async <T>(expression: string): Promise<T> => {
    const said = await send('Runtime.evaluate', {
      expression,
      awaitPromise: true,
      returnByValue: true,
      userGesture: true,
    });
    if (said.exceptionDetails) throw new Error(JSON.stringify(said.exceptionDetails));
    return (said.result as { value: T }).value;
  };
  return {
    requested,
    errors,
    run,
    visit: (url) => loaded(() => send('Page.navigate', { url })),
    follow: (act) => loaded(() => run(act)),
  };
}
