#!/usr/bin/env node
import { ensurePackages } from './bootstrap.mjs';

ensurePackages('run');
await import('./read-typescript.mjs');
const { main } = await import('./main.ts');
await main(process.argv.slice(2));
