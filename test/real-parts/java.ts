import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { bringDebianPackages, type DebianTree } from './debian-tree.ts';
import { RealPartUnavailable } from './real-part.ts';

const run = promisify(execFile);

/** What Kafka and Debezium are compiled for. */
const leastMajor = 17;

/** A Java that can run programs from their source too, and Maven. */
export interface Java {
  /** `/usr/lib/jvm/…/bin/java` */
  readonly program: string;
  readonly maven: string;
  /** Options that every start needs here. */
  readonly options: readonly string[];
}

let found: Promise<Java> | undefined;

/** This machine's own Java and Maven, else Debian's packages of them, unpacked below `.data/packages`. Throws RealPartUnavailable. */
export function findJava(): Promise<Java> {
  found ??= installed().then((own) => own ?? unpacked());
  return found;
}

async function installed(): Promise<Java | undefined> {
  try {
    const properties = (await run('java', ['-XshowSettings:properties', '-version'])).stderr;
    const home = /^ *java\.home = (.+)$/m.exec(properties)![1]!;
    const major = Number(/^ *java\.specification\.version = (\d+)/m.exec(properties)![1]);
    const isJdk = existsSync(join(home, 'bin', 'javac'));
    if (major < leastMajor || !isJdk) return undefined;
    await run('mvn', ['--version']);
    return { program: join(home, 'bin', 'java'), maven: 'mvn', options: [] };
  } catch {
    return undefined;
  }
}

async function unpacked(): Promise<Java> {
  const tree = await bringDebianPackages('java', ['default-jdk-headless', 'maven', 'ca-certificates']);
  const program = javaOf(tree);
  return { program, maven: tree.file('/usr/share/maven/bin/mvn'), options: await trusting(tree, program) };
}

function javaOf(tree: DebianTree): string {
  const homes = tree.names('/usr/lib/jvm').filter((name) => /^java-[\d.]+-openjdk-/.test(name));
  for (const home of homes) {
    const program = tree.file(`/usr/lib/jvm/${home}/bin/java`);
    if (existsSync(join(program, '..', 'javac'))) return program;
  }
  throw new RealPartUnavailable('Debian’s default-jdk-headless holds no java');
}

/** An unpacked Java trusts nobody: the store of certificates is made when its package is installed. So it is made here, of the system's own. */
async function trusting(tree: DebianTree, program: string): Promise<string[]> {
  const store = join(tree.directory, 'trusted.p12');
  const password = 'changeit';
  if (!existsSync(store)) {
    const source = join(import.meta.dirname, 'java', 'TrustStore.java');
    await run(program, [source, tree.file('/etc/ssl/certs/ca-certificates.crt'), store, password]);
  }
  return [`-Djavax.net.ssl.trustStore=${store}`, `-Djavax.net.ssl.trustStorePassword=${password}`];
}
