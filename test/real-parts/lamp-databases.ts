import { randomBytes } from 'node:crypto';
import { createConnection } from 'mysql2/promise';
import type { LampDatabase } from './lamp-configuration.ts';

/** Empty databases with an account of their own. */
export interface LampDatabases {
  readonly database: LampDatabase;
  drop(): Promise<void>;
}

/** Creates them on the server that the URL of an account names which may do anything. */
export async function createLampDatabases(url: string): Promise<LampDatabases> {
  const { hostname, port } = new URL(url);
  const name = `lamp_${randomBytes(4).toString('hex')}`;
  const database: LampDatabase = {
    host: hostname,
    port: Number(port || 3306),
    user: name,
    password: randomBytes(12).toString('hex'),
    wordpress: `${name}_wp`,
    mediawiki: `${name}_mw`,
  };
  const account = `'${name}'@'%'`;
  const both = [database.wordpress, database.mediawiki];
  await ask(url, [
    `create user ${account} identified by '${database.password}'`,
    ...both.flatMap((each) => [`create database ${each}`, `grant all on ${each}.* to ${account}`]),
  ]);
  return { database, drop: () => ask(url, [...both.map((each) => `drop database ${each}`), `drop user ${account}`]) };
}

async function ask(url: string, statements: readonly string[]): Promise<void> {
  const connection = await createConnection(url);
  try {
    for (const statement of statements) await connection.query(statement);
  } finally {
    await connection.end();
  }
}
