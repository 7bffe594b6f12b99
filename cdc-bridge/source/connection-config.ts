import { isIP } from 'node:net';
import { z } from 'zod';
import { readableFile } from '../../runtime/config-values.ts';
import type { ConnectionConfig, TlsConfig } from './connection-settings.ts';

const verification = { true: 'identity', authority: 'authority', false: 'none' } as const;

const tlsKeys = z
  .strictObject({
    ca: readableFile.optional().meta({ description: "PEM file of certificates to believe in place of Node's." }),
    servername: z
      .string()
      .min(1)
      .optional()
      .meta({ description: 'The name in its certificate, where it is not the host of url.' }),
    verify: z
      .union([z.boolean(), z.literal('authority')])
      .default(true)
      .meta({
        description: 'authority: who signed the certificate is verified, its name is not. false: nothing is verified.',
      }),
    cert: readableFile.optional().meta({ description: "PEM file of the bridge's own certificate." }),
    key: readableFile.optional().meta({ description: 'PEM file of the key to cert.' }),
  })
  .refine(({ cert, key }) => (cert === undefined) === (key === undefined), {
    message: 'expected cert and key together',
  })
  .transform(({ verify, ...files }): TlsConfig => ({ ...files, verify: verification[`${verify}`] }));

/** `true`, or an object: how TLS is spoken with the legacy database. */
export const databaseTls = z
  .union([z.literal(true).transform((): TlsConfig => ({ verify: 'identity' })), tlsKeys])
  .meta({ description: 'Encrypts the connections to the database: true, or what deviates from verifying its name.' });

/** What is wrong with keys that are right by themselves, at the key that is to be changed. */
export function checkConnection(config: ConnectionConfig): { path: string[]; message: string }[] {
  if (!URL.canParse(config.url)) return [];
  const { hostname, password } = new URL(config.url);
  const { tls, passwordFile } = config;
  return [
    ...(password !== '' && passwordFile !== undefined
      ? [{ path: ['passwordFile'], message: 'found a password in url too, expected one of both' }]
      : []),
    ...(tls?.verify === 'identity' && tls.servername === undefined && isIP(hostname.replace(/^\[|\]$/g, '')) !== 0
      ? [{ path: ['tls'], message: `found address ${hostname} in url, expected a name there or a servername here` }]
      : []),
  ];
}
