#!/usr/bin/env node
import { ensurePackages } from './bootstrap.mjs';

ensurePackages('run');
const { register } = await import('tsx/esm/api');
register();
const { main } = await import('./main.ts');
await main(process.argv.slice(2));
