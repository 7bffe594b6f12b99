import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findNginx } from '../../bench/proxy/nginx.ts';
import { freePort } from '../free-port.ts';
import { giveAll, unprivilegedAccount } from './account.ts';
import { bringLampPackages, lampEnvironment } from './lamp-packages.ts';
import { type RealPart, RealPartUnavailable } from './real-part.ts';
import { startTied, type TiedProgram } from './tied-process.ts';

/** A web server as others run it. It answers every path with `METHOD TARGET`, and writes the same into its log for each request. */
export interface BackEnd extends RealPart {
  readonly origin: string;
  /** One line for each request that it has seen. */
  readonly log: string;
}

/** nginx, which answers by itself. Throws RealPartUnavailable. */
export async function startNginxBackEnd(): Promise<BackEnd> {
  const found = await findNginx();
  if (!found) throw new RealPartUnavailable('this machine has no nginx, and no apt to fetch it with');
  return start(async (home, port) => {
    writeFileSync(join(home, 'nginx.conf'), nginxConfiguration(home, port));
    return {
      command: found.path,
      args: ['-p', home, '-c', join(home, 'nginx.conf'), '-e', 'stderr'],
      options: { env: { ...process.env, ...(found.libraries ? { LD_LIBRARY_PATH: found.libraries } : {}) } },
    };
  });
}

/** Apache with PHP in it, whose script answers. Throws RealPartUnavailable. */
export async function startApacheBackEnd(): Promise<BackEnd> {
  const account = await unprivilegedAccount('Apache');
  const modules = '/usr/lib/apache2/modules';
  const names = ['mpm_prefork', 'authz_core', 'alias', 'mime'];
  return start(async (home, port) => {
    const tree = await bringLampPackages(home, account);
    const php = tree.names(modules).find((name) => /^libphp[\d.]+\.so$/.test(name)) ?? 'libphp.so';
    const lines = [
      ...names.map((name) => `LoadModule ${name}_module "${tree.file(`${modules}/mod_${name}.so`)}"`),
      `LoadModule php_module "${tree.file(`${modules}/${php}`)}"`,
      `ServerRoot "${home}"`,
      `PidFile "${home}/pid"`,
      `Mutex file:${home} default`,
      `TypesConfig "${tree.file('/etc/mime.types')}"`,
      'ServerName 127.0.0.1',
      `Listen 127.0.0.1:${port}`,
      'MaxRequestWorkers 16',
      'TraceEnable on',
      `CustomLog "${home}/requests.log" "%m %U%q"`,
      `ErrorLog "${home}/error.log"`,
      `AliasMatch ".*" "${home}/answer.php"`,
      `<Directory "${home}">`,
      'Require all granted',
      'SetHandler application/x-httpd-php',
      '</Directory>',
    ];
    writeFileSync(join(home, 'apache.conf'), `${lines.join('\n')}\n`);
    writeFileSync(join(home, 'answer.php'), phpAnswer);
    giveAll(home, account);
    return {
      command: tree.file('/usr/sbin/apache2'),
      args: ['-f', join(home, 'apache.conf'), '-DFOREGROUND'],
      options: { ...account, env: lampEnvironment(tree) },
    };
  });
}

const phpAnswer = `<?php
$told = $_SERVER['REQUEST_METHOD'] . ' ' . $_SERVER['REQUEST_URI'];
header('Content-Length: ' . strlen($told));
echo $told;
`;

function nginxConfiguration(home: string, port: number): string {
  const kinds = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  return `daemon off;
master_process off;
pid ${home}/pid;
events { worker_connections 512; }
http {
  log_format plain '$request_method $request_uri';
  access_log ${home}/requests.log plain;
${kinds.map((kind) => `  ${kind}_temp_path ${home}/${kind};`).join('\n')}
  server {
    listen 127.0.0.1:${port};
    location / { return 200 "$request_method $request_uri"; }
  }
}
`;
}

type Prepare = (
  home: string,
  port: number,
) => Promise<Pick<TiedProgram, 'command' | 'args'> & { options: Omit<TiedProgram['options'], 'cwd'> }>;

async function start(prepare: Prepare): Promise<BackEnd> {
  const home = mkdtempSync(join(tmpdir(), 'back-end-'));
  const port = await freePort();
  const origin = `http://127.0.0.1:${port}`;
  const { command, args, options } = await prepare(home, port);
  const server = await startTied({
    command,
    args,
    options: { ...options, cwd: home },
    stopSignal: 'SIGTERM',
    log: join(home, 'output.log'),
    isReady: () =>
      fetch(`${origin}/ready`).then(
        ({ ok }) => ok,
        () => false,
      ),
    readyWithinMs: 20_000,
  });
  return {
    version: (await fetch(origin)).headers.get('server') ?? command,
    origin,
    log: join(home, 'requests.log'),
    async stop() {
      await server.stop();
      rmSync(home, { recursive: true, force: true });
    },
  };
}
