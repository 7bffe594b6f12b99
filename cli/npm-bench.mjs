import { ensurePackages } from './bootstrap.mjs';

ensurePackages('develop');
const { register } = await import('tsx/esm/api');
register();
const { main } = await import('../bench/main.ts');
await main(process.argv.slice(2)).catch((error) => {
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
});
