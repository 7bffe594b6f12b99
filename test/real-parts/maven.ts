import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { findJava, type Java } from './java.ts';
import { RealPartUnavailable } from './real-part.ts';
import { moveIntoPlace, scratchFor, shelf } from './shelf.ts';

const run = promisify(execFile);

/** Packages of Maven as `GROUP:ARTIFACT:VERSION`. */
export type Coordinates = `${string}:${string}:${string}`;

/**
 * A folder below `.data/packages` with the jars of the packages and of all that they need at run time, fetched by Maven on the first call
 * and kept; `FOLDER/*` is their class path. Maven reads the machine's own settings. Throws RealPartUnavailable.
 */
export function bringJars(folder: string, packages: readonly Coordinates[]): Promise<string> {
  return bring(folder, async (scratch, maven) => {
    writeFileSync(join(scratch, 'pom.xml'), pomOf(packages));
    const jars = join(scratch, 'jars');
    await maven(['dependency:copy-dependencies', `-DoutputDirectory=${jars}`, '-DincludeScope=runtime']);
    return jars;
  });
}

/** The folder that an archive (`GROUP:ARTIFACT:VERSION:tar.gz:CLASSIFIER`) unpacks to, brought and kept in the same way. */
export function bringArchive(folder: string, archive: string): Promise<string> {
  return bring(folder, async (scratch, maven) => {
    const packed = join(scratch, 'packed');
    const unpacked = join(scratch, 'unpacked');
    await maven(['dependency:copy', `-Dartifact=${archive}`, `-DoutputDirectory=${packed}`]);
    mkdirSync(unpacked);
    await run('tar', ['-xzf', join(packed, readdirSync(packed)[0]!), '-C', unpacked]);
    return unpacked;
  });
}

type Maven = (args: readonly string[]) => Promise<void>;

/** What `make` leaves in a folder of its scratch folder becomes the place when it is whole; its local repository is not kept. */
async function bring(folder: string, make: (scratch: string, maven: Maven) => Promise<string>): Promise<string> {
  const place = join(shelf, folder);
  if (existsSync(place)) return place;
  const scratch = scratchFor(place);
  mkdirSync(scratch, { recursive: true });
  try {
    const java = await findJava();
    const made = await make(scratch, (args) => runMaven(java, scratch, args));
    moveIntoPlace(made, place);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
  return place;
}

async function runMaven(java: Java, cwd: string, args: readonly string[]): Promise<void> {
  const quiet = ['-q', '-B', `-Dmaven.repo.local=${join(cwd, 'repository')}`];
  const env = { ...process.env, JAVA_HOME: dirname(dirname(java.program)), MAVEN_OPTS: java.options.join(' ') };
  try {
    await run(java.maven, [...quiet, ...args], { cwd, env });
  } catch (error) {
    throw new RealPartUnavailable(`Maven could not bring what it was asked for: ${reasonOf(error)}`);
  }
}

/** Maven's own first sentence, else why it did not run. */
function reasonOf(error: unknown): string {
  const { stdout = '', message } = error as Error & { stdout?: string };
  return /^\[ERROR\] (.+)$/m.exec(stdout)?.[1] ?? message;
}

function pomOf(packages: readonly Coordinates[]): string {
  const dependencies = packages.map((each) => {
    const [group, artifact, version] = each.split(':');
    return `<dependency><groupId>${group}</groupId><artifactId>${artifact}</artifactId><version>${version}</version></dependency>`;
  });
  return `<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>real.parts</groupId><artifactId>jars</artifactId><version>1</version>
<dependencies>${dependencies.join('\n')}</dependencies></project>\n`;
}
