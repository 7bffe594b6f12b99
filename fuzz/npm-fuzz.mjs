import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { ensurePackages, root } from '../cli/bootstrap.mjs';

/** `npm run fuzz -- wire --cases 1000000`: runs the script of that name beside this file. */
ensurePackages('develop');
const [name = '', ...args] = process.argv.slice(2);
const script = join(root, 'fuzz', `${name}.ts`);
if (!/^[a-z]+$/.test(name) || !existsSync(script)) {
  process.stderr.write(`found "${name}", expected the name of a script in fuzz/, such as wire\n`);
  process.exit(2);
}
const child = spawn(process.execPath, ['--import', import.meta.resolve('tsx'), script, ...args], { stdio: 'inherit' });
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal));
child.on('exit', (code) => {
  process.exitCode = code ?? 1;
});
