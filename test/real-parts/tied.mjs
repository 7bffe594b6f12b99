import { spawn } from 'node:child_process';
import { rmSync } from 'node:fs';

/**
 * Runs a program for as long as the channel to the process that started this one is open: that process may end in any way, the program
 * ends too, and the folder it ran in is deleted. One argument, JSON: `{"command":"…","args":[…],"options":{"cwd":"…","uid":65534,…},
 * "stopSignal":"SIGINT"}`. A message is the name of a signal for the program.
 */
const { command, args, options, stopSignal } = JSON.parse(process.argv[2]);
const graceMs = 5_000;
const program = spawn(command, args, { ...options, stdio: ['ignore', 'inherit', 'inherit'] });

function stop() {
  program.kill('SIGCONT');
  program.kill(stopSignal);
  setTimeout(() => program.kill('SIGKILL'), graceMs);
}

process.on('message', (signal) => program.kill(signal));
process.once('disconnect', stop);
process.once('SIGTERM', stop);
program.once('error', (error) => {
  console.error(error.message);
  process.exit(127);
});
program.once('exit', (code) => {
  if (!process.connected) rmSync(options.cwd, { recursive: true, force: true });
  process.exit(code ?? 1);
});
