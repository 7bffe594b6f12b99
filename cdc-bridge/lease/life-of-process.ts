import { randomUUID } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';

/** Where a process number means the same process: one boot of one machine, and there one namespace of numbers. */
interface Realm {
  readonly boot: string;
  readonly namespace: string;
}

/**
 * Names one life of this process, for the holder of a lease: `process 4711 on web1 (31d8a2…/4026531836/1234567, 9f3c1a2b)`. In brackets are the
 * boot, the namespace of process numbers and the start of the process in ticks of its clock, where the system tells them (Linux); last
 * what tells two holders in one process apart.
 */
export function nameOfThisLife(): string {
  const realm = realmOfThisProcess();
  const start = startOf(process.pid);
  const life = realm && start !== undefined ? `${realm.boot}/${realm.namespace}/${start}, ` : '';
  return `process ${process.pid} on ${hostname()} (${life}${randomUUID().slice(0, 8)})`;
}

/**
 * Whether the life that `nameOfThisLife` named has surely ended: it was a process among those this one can see, and its number is free or
 * another's, told by the start. False wherever that cannot be told.
 */
export function hasSurelyEnded(holder: string): boolean {
  const match = /^process (\d+) on .* \(([^/]+)\/([^/]+)\/(\d+), [0-9a-f]+\)$/.exec(holder);
  const realm = realmOfThisProcess();
  if (!match || !realm) return false;
  const [, pid, boot, namespace, start] = match;
  if (boot !== realm.boot || namespace !== realm.namespace) return false;
  return startOf(Number(pid)) !== start;
}

/** https://man7.org/linux/man-pages/man7/pid_namespaces.7.html: two processes are in one namespace if the links of both are the same. */
function realmOfThisProcess(): Realm | undefined {
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    const namespace = /\d+/.exec(readlinkSync('/proc/self/ns/pid'))?.[0];
    return namespace === undefined ? undefined : { boot, namespace };
  } catch {
    return undefined;
  }
}

/** Field `starttime` of /proc/PID/stat; undefined when there is no such process, or one that has ended and was not waited for. */
function startOf(pid: number): string | undefined {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT' || (error as NodeJS.ErrnoException).code === 'ESRCH')
      return undefined;
    throw error;
  }
  // The second field is the program's name in brackets, which may itself hold blanks and brackets.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return hasEnded.has(fields[0]!) ? undefined : fields[startField];
}

/** States of a process that only waits to be forgotten. */
const hasEnded = new Set(['Z', 'X', 'x']);
/** Field 22 of proc_pid_stat(5), counted behind the name. */
const startField = 19;
