/** The program that services-process.ts starts: services on a log that may kill the process at a chosen append. */
import type { EventLog } from '../../contract/event-log.ts';
import { openLog } from '../../event-log/open.ts';
import { startServices } from '../../new-services/services.ts';
import { silent } from '../../runtime/logger.ts';
import { Metrics } from '../../runtime/metrics.ts';
import { testConfig } from './test-services.ts';

const [logUrl = '', dataDir = '', killPoint = 'never'] = process.argv.slice(2);
const services = await startServices(testConfig(dataDir), {
  log: killingAt(killPoint, openLog(logUrl)),
  logger: silent,
  metrics: new Metrics(),
});
console.log(services.url);

function killingAt(point: string, log: EventLog): EventLog {
  const [moment, killedTopic, count] = point.split(':');
  let appends = 0;
  const append: EventLog['append'] = async (topic, ...rest) => {
    const isKilled = topic.split('.')[0] === killedTopic;
    if (isKilled) appends += 1;
    const now = isKilled && appends === Number(count);
    if (now && moment === 'before') process.kill(process.pid, 'SIGKILL');
    const results = await log.append(topic, ...rest);
    if (now && moment === 'after') process.kill(process.pid, 'SIGKILL');
    return results;
  };
  return new Proxy(log, {
    get(target, member) {
      if (member === 'append') return append;
      const value = Reflect.get(target, member);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}
