import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { ensurePackages, root } from '../cli/bootstrap.mjs';

ensurePackages('develop');
const program = [import.meta.resolve('tsx'), join(root, 'bench', 'main.ts')];
const child = spawn(process.execPath, ['--import', ...program, ...process.argv.slice(2)], { stdio: 'inherit' });
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal));
child.on('exit', (code) => {
  process.exitCode = code ?? 1;
});
