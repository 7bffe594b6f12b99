process.argv.splice(2, 0, 'reset');
await import('./strangler.mjs');
