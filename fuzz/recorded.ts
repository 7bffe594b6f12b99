import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { BridgeError } from '../cdc-bridge/errors.ts';
import { readRecorded } from './recorded/read-recorded.ts';

/**
 * `npm run fuzz -- recorded --files DIRECTORY`: binlog files of any servers and versions, such as other projects' tests have, read to their end.
 * Each is read whole, or ends in a typed error that says where and why.
 */
const { values } = parseArgs({ options: { files: { type: 'string' } } });
const directory = values.files;
if (!directory) throw new Error('expected --files DIRECTORY, a folder of binlog files');
for (const name of readdirSync(directory).sort()) {
  try {
    const { server, databases } = await readRecorded(join(directory, name));
    process.stdout.write(`${name} (${server})\n`);
    for (const read of databases) process.stdout.write(`  ${JSON.stringify(read)}\n`);
  } catch (error) {
    if (!(error instanceof BridgeError)) throw new Error(name, { cause: error });
    process.stdout.write(`${name}\n  ${error.code}: ${error.message}\n`);
  }
}
