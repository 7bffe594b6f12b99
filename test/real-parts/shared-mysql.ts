import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type RunningMysql, startMysql } from './mysql.ts';
import { RealPartUnavailable } from './real-part.ts';

/** What the process that started the run answers to a suite: the server, or why there is none. */
type Answer = { readonly version: string; readonly url: string } | { readonly why: string };

/**
 * Makes one MySQL for all suites of a run, started when the first of them asks. To be called by the process that outlives them; gives
 * how it ends. TEST_MYSQL_URL, a root URL given from outside, is used instead.
 */
export async function shareMysql(): Promise<() => Promise<void>> {
  let started: Promise<RunningMysql> | undefined;
  const door = createServer(async (_request, response) => {
    started ??= startMysql();
    response.end(JSON.stringify(await answerOf(started)));
  }).listen(0, '127.0.0.1');
  await once(door, 'listening');
  process.env.TEST_MYSQL_DOOR = `http://127.0.0.1:${(door.address() as AddressInfo).port}`;
  return async () => {
    door.closeAllConnections();
    door.close();
    await started?.then(
      (server) => server.stop(),
      () => {},
    );
  };
}

async function answerOf(started: Promise<RunningMysql>): Promise<Answer> {
  try {
    const { version, url } = await started;
    return { version, url };
  } catch (error) {
    return { why: (error as Error).message };
  }
}

/** The run's MySQL, for `requireRealPart('MySQL', sharedMysql)`; stopping it is left to the run. Throws RealPartUnavailable. */
export async function sharedMysql(): Promise<RunningMysql> {
  const { TEST_MYSQL_URL: url, TEST_MYSQL_DOOR: door } = process.env;
  const stop = async () => {};
  if (url) return { version: 'TEST_MYSQL_URL', url, stop };
  if (!door) throw new RealPartUnavailable('neither TEST_MYSQL_URL nor TEST_MYSQL_DOOR is set');
  const answer = (await (await fetch(door)).json()) as Answer;
  if ('why' in answer) throw new RealPartUnavailable(answer.why);
  return { ...answer, stop };
}
