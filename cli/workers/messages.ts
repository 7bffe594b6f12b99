import type { ReadConfiguration } from '../../gateway/reload/configuration.ts';
import type { WorkerOrder, WorkerQuestion } from '../../gateway/workers/workers.ts';

/** What a worker begins with. */
export interface Welcome {
  /** From 1. */
  readonly worker: number;
  /** The configuration's file, absolute; what stands there now may be another than `written`. */
  readonly path: string;
  readonly written: ReadConfiguration['written'];
  readonly bypassed: boolean;
}

/** From the process that leads to a worker, over the channel between them. What has an id is answered. */
export type ToWorker =
  | { readonly kind: 'welcome'; readonly welcome: Welcome }
  /** Comes with the connection itself. */
  | { readonly kind: 'connection'; readonly id: number }
  | { readonly kind: 'question'; readonly id: number; readonly question: WorkerQuestion }
  | { readonly kind: 'order'; readonly id: number; readonly order: WorkerOrder };

/** From a worker to the process that leads. */
export type FromWorker =
  /** It can be welcomed. */
  | { readonly kind: 'hello' }
  | { readonly kind: 'serving' }
  /** A client wrote through legacy: the other workers are to know. */
  | { readonly kind: 'client-wrote'; readonly client: string; readonly waitMs: number }
  /** It has the connection, or it is gone. */
  | { readonly kind: 'taken'; readonly id: number }
  | { readonly kind: 'not-serving'; readonly problem: string }
  | { readonly kind: 'done'; readonly id: number; readonly answer: unknown }
  | { readonly kind: 'not-done'; readonly id: number; readonly problem: string };
