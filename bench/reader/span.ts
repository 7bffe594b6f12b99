/** A part of a binlog, and how many rows stand in it. */
export interface Span {
  /** As text of contract/source-position.ts. */
  readonly position: string;
  readonly file: string;
  readonly offset: number;
  readonly rows: number;
}

/** CPU time that reading a span took, all threads of the process together. */
export interface PassCost {
  readonly cpuMicroseconds: number;
}

/** To plain objects, or on to JSON text. */
export type Wanted = 'objects' | 'json';

/** A reader's program answers each span that it is sent with what reading it cost. */
export function answerPasses(read: (span: Span) => Promise<void>): void {
  process.on('message', async (span: Span) => {
    const before = process.cpuUsage();
    await read(span);
    const { user, system } = process.cpuUsage(before);
    process.send!({ cpuMicroseconds: user + system } satisfies PassCost);
  });
  process.send!({ ready: true });
}
