import type { Journal } from '../journal/journal.ts';
import type { FlagSource } from './flag-source.ts';
import { type Flags, FlagUses } from './flag-uses.ts';
import type { FlagsTelemetry } from './flags-telemetry.ts';
import { clientOfMemory } from './unleash-client.ts';

/** The flags kept on the log, evaluated straight from the journal's state: a change counts in the tick in which the journal has it. */
export function builtInFlags(journal: Journal, telemetry: FlagsTelemetry): Flags {
  const uses = new FlagUses();
  const client = clientOfMemory(definitionsOf(journal), { uses, onComplaint: telemetry.complained });
  return {
    uses,
    evaluate(...[flag, facts, route]: Parameters<FlagSource['evaluate']>) {
      const evaluation = client.evaluate(flag, facts, route);
      const { kind, since } = journal.status();
      if (kind === 'following') return evaluation;
      return { ...evaluation, reason: `${evaluation.reason} (the log is away since ${since}, as last known)` };
    },
    status() {
      const { kind, since, detail } = journal.status();
      if (kind === 'following') return { kind: 'fresh', since, detail: 'built in' };
      return { kind: journal.state.flags.size > 0 ? 'stale' : 'empty', since, detail: `built in; ${detail}` };
    },
    async stop() {
      client.stop();
    },
  };
}

function definitionsOf(journal: Journal) {
  return {
    feature: (name: string) => journal.state.flags.get(name),
    segment: (id: number) => journal.state.segments.get(id),
    segmentsRevision: () => journal.state.segments,
  };
}
