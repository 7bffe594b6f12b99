/** Runs the legacy application, which knows nothing of us, so that it ends when the process that started it is gone. */
import './read-typescript.mjs';

process.once('disconnect', () => process.kill(process.pid, 'SIGTERM'));
process.channel?.unref();
await import('../legacy-stub/main.ts');
