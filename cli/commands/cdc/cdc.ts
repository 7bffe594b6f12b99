import type { Command } from 'commander';
import { addCoverage } from './coverage.ts';
import { addDryRun } from './dry-run.ts';
import { addParked } from './parked.ts';
import { addRemap } from './remap.ts';
import { addSnapshot } from './snapshot.ts';
import { addStatus } from './status.ts';
import { addSuggest } from './suggest.ts';
import { addTail } from './tail.ts';
import { addVerify } from './verify.ts';

/** `strangler cdc …`: the bridge and what it reads, one file for each command. */
export function addCdc(program: Command): void {
  const cdc = program.command('cdc').description('look into the bridge');
  addStatus(cdc);
  addParked(cdc);
  addSnapshot(cdc);
  addCoverage(cdc);
  addDryRun(cdc);
  addRemap(cdc);
  addSuggest(cdc);
  addTail(cdc);
  addVerify(cdc);
}
