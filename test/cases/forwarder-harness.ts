import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, expect, it as test } from 'vitest';
import { connect, rawServer, type Wire } from '../gateway/wire.ts';

/** What a forwarder may be told. */
export interface ForwarderOptions {
  readonly host?: 'preserve' | 'rewrite';
  readonly connectTimeoutMs?: number;
  /** As `responseTimeoutMs` when left out. */
  readonly requestTimeoutMs?: number;
  readonly responseTimeoutMs?: number;
  readonly idleTimeoutMs?: number;
  /** More keys below `legacy`, as a configuration writes them. */
  readonly target?: object;
  /** Files by code, status or `default`. */
  readonly errorPages?: Readonly<Record<string, string>>;
  readonly trustedProxies?: readonly string[];
}

/** A listening forwarder that passes everything on to one upstream. */
export interface StartedForwarder {
  readonly port: number;
  /** What it reported as a defect of its own; must stay empty whatever happens. */
  readonly defects: readonly unknown[];
  stop(): Promise<void>;
}

export type StartForwarder = (origin: string, options?: ForwarderOptions) => Promise<StartedForwarder>;

/** Where forwarders may differ, each in its own right. */
export interface ForwarderTraits {
  /** Reads requests before those in front of them are answered, as node:http does. What it cannot take back then cuts the connection. */
  readonly readsAhead: boolean;
  /** Names of cases that it cannot hold, each with the reason. One that it does hold fails the run: the list stays true. */
  readonly exceptions?: Readonly<Record<string, string>>;
}

/** What cases stand on: started parts that are stopped after each case, and the answer that most upstreams give. */
export type ForwarderHarness = ReturnType<typeof forwarderHarness>;

/** Registers, in the suite it is called in, that everything started is stopped and that no defect was reported. */
export function forwarderHarness(startForwarder: StartForwarder, { readsAhead, exceptions = {} }: ForwarderTraits) {
  const cleanups: (() => Promise<void>)[] = [];
  const started: StartedForwarder[] = [];

  afterEach(async () => {
    const defects = started.splice(0).flatMap((forwarder) => forwarder.defects);
    for (const stop of cleanups.splice(0).reverse()) await stop();
    expect(defects).toEqual([]);
  });

  /** A raw upstream, a forwarder before it, and a client's connection to that. */
  async function between(serve: (wire: Wire) => unknown, options?: ForwarderOptions) {
    const upstream = await rawServer(serve);
    cleanups.push(upstream.stop);
    return { upstream, ...(await inFrontOf(upstream.origin, options)) };
  }

  async function inFrontOf(origin: string, options?: ForwarderOptions) {
    const forwarder = await startForwarder(origin, options);
    started.push(forwarder);
    cleanups.push(forwarder.stop);
    const client = await connect(forwarder.port);
    cleanups.push(async () => void client.socket.destroy());
    return { forwarder, client };
  }

  /** A node:http upstream. */
  async function httpUpstream(handler: http.RequestListener): Promise<string> {
    const server = http.createServer({ requestTimeout: 0 }, handler);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    cleanups.push(
      () =>
        new Promise((resolve) => {
          server.close(() => resolve());
          server.closeAllConnections();
        }),
    );
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  const met = new Set<string>();
  afterAll(() => expect(Object.keys(exceptions).filter((name) => !met.has(name))).toEqual([]));

  /** A case by its own name; an exception must fail. */
  const byName = (name: string, act: () => Promise<void>, timeoutMs?: number) => {
    if (name in exceptions) met.add(name);
    const declare = name in exceptions ? test.fails : test;
    declare(name, act, timeoutMs);
  };
  const it = Object.assign(byName, { each: test.each.bind(test) });

  return { it, between, inFrontOf, httpUpstream, cleanups, readsAhead };
}

/** An answer of two bytes. */
export const ok = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

/** The head of the first message in what was received. */
export function headOf(text: string): string {
  return text.slice(0, text.indexOf('\r\n\r\n'));
}

/** Values of a field in the head of the first message. */
export function fieldsOf(text: string, name: string): string[] {
  return headOf(text)
    .split('\r\n')
    .filter((line) => line.toLowerCase().startsWith(`${name.toLowerCase()}:`))
    .map((line) => line.slice(name.length + 1).trim());
}
