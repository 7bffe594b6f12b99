import { z } from 'zod';
import { duration } from '../../../runtime/config-values.ts';
import { encodingsSchema } from './encodings.ts';
import type { TopicNames } from './record.ts';

/** Key `legacy.database.topics`: the changes are read from the topics of a Debezium instead of from the binlog. */
export const databaseTopics = z
  .strictObject({
    brokers: z
      .array(z.string().regex(/^[^:\s]+:\d+$/, 'expected HOST:PORT'))
      .min(1)
      .meta({ description: 'Kafka brokers to begin with: HOST:PORT.' }),
    prefix: z.string().min(1).meta({ description: 'The connector’s topic.prefix.' }),
    transaction: z.string().min(1).optional().meta({
      description: 'The topic of its transactions. Default PREFIX.transaction.',
    }),
    heartbeat: z.string().min(1).optional().meta({
      description: 'The topic of its heartbeats. Default __debezium-heartbeat.PREFIX.',
    }),
    ssl: z.boolean().default(false).meta({ description: 'Whether the brokers speak TLS.' }),
    sasl: z
      .strictObject({
        mechanism: z.enum(['plain', 'scram-sha-256', 'scram-sha-512']).meta({ description: 'How to log in.' }),
        username: z.string().min(1).meta({ description: 'The account at the brokers.' }),
        password: z.string().min(1).meta({ description: 'Its password: ${NAME} takes it from the environment.' }),
      })
      .optional()
      .meta({ description: 'The account at the brokers.' }),
    encodings: encodingsSchema.prefault({}).meta({
      description: 'How the connector writes values, where its messages do not carry their schema.',
    }),
    silentAfter: duration.prefault('2m').meta({
      description:
        'A connector that has sent nothing for this long, not even a heartbeat, is reported as stopped. An idle one sends heartbeats every 48 seconds when heartbeat.interval.ms is set.',
    }),
  })
  .meta({
    description:
      'Topics that Debezium’s connector for MariaDB or MySQL writes: row changes are read from there instead of from the binlog.',
  });

export type TopicsConfig = z.infer<typeof databaseTopics>;

/** The names of the connector's topics, those that follow from its prefix included. */
export function topicNames({ prefix, transaction, heartbeat }: TopicsConfig): TopicNames {
  return {
    prefix,
    transaction: transaction ?? `${prefix}.transaction`,
    heartbeat: heartbeat ?? `__debezium-heartbeat.${prefix}`,
  };
}
