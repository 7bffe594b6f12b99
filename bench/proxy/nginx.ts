import { existsSync, mkdirSync, openSync, writeFileSync } from 'node:fs';
import { delimiter, join, resolve } from 'node:path';
import { hasDebianTools, libraryPath, unpackDebianPackage } from '../../cli/database/debian-packages.ts';
import { type Child, startChild } from '../../runtime/child-process.ts';
import { until } from '../../test/until.ts';

/** An nginx program, and where its libraries are when it was unpacked rather than installed. */
export interface NginxBinary {
  readonly path: string;
  readonly libraries?: string;
}

const packages = resolve(import.meta.dirname, '..', '..', '.data', 'packages', 'nginx');

/** The machine's own nginx, or Debian's package unpacked below `.data/packages`; undefined where neither is to be had. */
export async function findNginx(): Promise<NginxBinary | undefined> {
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin', '/opt/homebrew/bin'];
  const installed = folders.map((folder) => join(folder, 'nginx')).find((path) => existsSync(path));
  if (installed) return { path: installed };
  const unpacked = join(packages, 'usr', 'sbin', 'nginx');
  if (!existsSync(unpacked)) {
    if (!(await hasDebianTools())) return undefined;
    mkdirSync(resolve(packages, '..'), { recursive: true });
    await unpackDebianPackage('nginx', packages);
  }
  return { path: unpacked, libraries: libraryPath(packages) };
}

/** One nginx worker (no master) that passes everything on to `upstreamPort` over kept connections, without a log. */
export async function startNginx(
  binary: NginxBinary,
  folder: string,
  port: number,
  upstreamPort: number,
): Promise<Child> {
  const config = join(folder, 'nginx.conf');
  writeFileSync(config, configuration(folder, port, upstreamPort));
  const output = openSync(join(folder, 'nginx.log'), 'a');
  const child = await startChild(binary.path, ['-p', folder, '-c', config, '-e', 'stderr'], {
    stdio: ['ignore', output, output],
    env: { ...process.env, ...(binary.libraries ? { LD_LIBRARY_PATH: binary.libraries } : {}) },
  });
  // nginx does not notice when the process that started it is gone.
  process.once('exit', () => child.process.kill());
  await until(async () => (await fetch(`http://127.0.0.1:${port}/`)).ok, 10_000, `nginx; see ${folder}/nginx.log`);
  return child;
}

const kinds = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];

function configuration(folder: string, port: number, upstreamPort: number): string {
  return `daemon off;
master_process off;
pid ${folder}/nginx.pid;
events { worker_connections 1024; }
http {
  access_log off;
${kinds.map((kind) => `  ${kind}_temp_path ${folder}/${kind};`).join('\n')}
  client_max_body_size 0;
  keepalive_requests 1000000000;
  upstream application { server 127.0.0.1:${upstreamPort}; keepalive 64; keepalive_requests 1000000000; }
  server {
    listen 127.0.0.1:${port};
    location / {
      proxy_pass http://application;
      proxy_http_version 1.1;
      proxy_request_buffering off;
      proxy_set_header Connection "";
      proxy_set_header Host $host;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      proxy_set_header X-Forwarded-Proto $scheme;
    }
  }
}
`;
}
