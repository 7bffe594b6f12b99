import { cpus, release, totalmem, type } from 'node:os';

/** What the numbers were measured on; without it they mean nothing. */
export function machine(): Record<string, string> {
  const cores = cpus();
  return {
    processor: `${cores.length} × ${cores[0]?.model.trim() ?? 'unknown'}`,
    memory: `${Math.round(totalmem() / 2 ** 30)} GiB`,
    system: `${type()} ${release()}`,
    node: `Node ${process.versions.node}`,
  };
}
