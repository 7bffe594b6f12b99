import { resolve } from 'node:path';
import { z } from 'zod';
import { duration, port } from '../../runtime/config-values.ts';
import { cidr } from '../route-config.ts';
import type { Cidr } from '../routing/cidr.ts';

const hostName = z
  .string()
  .regex(/^(\*\.)?[a-z0-9-]+(\.[a-z0-9-]+)*$/i, 'expected a host name such as www.example.com or *.example.com');

const certificate = {
  cert: z.string().min(1).meta({ description: 'File of the certificate and its chain, PEM.' }),
  key: z.string().min(1).meta({ description: 'File of the private key, PEM, without a passphrase.' }),
  hosts: z
    .array(hostName)
    .min(1)
    .optional()
    .meta({ description: 'Names it is shown for; its own names when left out.' }),
};

const certificates = z
  .array(z.strictObject(certificate))
  .min(1, 'expected at least one certificate')
  .meta({ description: 'The first is shown to clients that name no host, or one that none is for.' });

const clients = {
  clientCa: z
    .string()
    .min(1)
    .optional()
    .meta({ description: 'File of the authorities whose client certificates are accepted, PEM.' }),
  clientCert: z
    .enum(['request', 'require'])
    .default('require')
    .meta({ description: 'With clientCa: whether a client without a certificate is refused.' }),
};

const tlsMapping = z.strictObject({ certificates, ...clients });

type TlsMapping = z.input<typeof tlsMapping>;

const tlsSchema = z
  .union([
    tlsMapping,
    z
      .strictObject({ ...certificate, ...clients })
      .transform(({ clientCa, clientCert, ...only }): TlsMapping => ({ certificates: [only], clientCa, clientCert }))
      .pipe(tlsMapping),
    certificates.transform((list): TlsMapping => ({ certificates: list })).pipe(tlsMapping),
  ])
  .meta({ description: 'TLS 1.2 and 1.3, HTTP/2 by ALPN. Files are read again when they change.' });

const limitsSchema = z
  .strictObject({
    connections: z
      .int()
      .min(1)
      .default(10_000)
      .meta({ description: 'Connections open at once; one more is cut at once.' }),
    connectionsPerAddress: z
      .int()
      .min(1)
      .default(2_500)
      .meta({ description: 'Of them, those of one address; trusted proxies are not limited.' }),
    handshake: duration.prefault('10s').meta({ description: 'Until the PROXY header is read, and until TLS stands.' }),
    head: duration.prefault('30s').meta({ description: "Until a request's head is complete." }),
    idle: duration
      .prefault('65s')
      .meta({ description: 'How long a connection may wait for its next request; longer than a load balancer does.' }),
    stall: duration.prefault('60s').meta({ description: 'How long a client may not read what is sent to it.' }),
  })
  .prefault({})
  .meta({ description: 'What one listener holds at most, and how long it waits for clients.' });

/** Value of the key `listeners.public`. */
export const publicListenerSchema = z
  .strictObject({
    port: port.default(8080).meta({ description: 'Where clients connect.' }),
    host: z.string().default('127.0.0.1').meta({ description: 'The address to listen on; 0.0.0.0 for all.' }),
    trustedProxies: z
      .array(cidr)
      .default([])
      .meta({ description: 'Peers whose forwarding headers and request ids are believed.' }),
    tls: tlsSchema.optional(),
    proxyProtocol: z
      .union([z.boolean(), z.literal('required')])
      .default(false)
      .meta({
        description:
          'Whether trusted proxies begin each connection with a PROXY header (v1 or v2); required: no one else may connect.',
      }),
    limits: limitsSchema,
  })
  .refine(({ proxyProtocol, trustedProxies }) => proxyProtocol === false || trustedProxies.length > 0, {
    path: ['proxyProtocol'],
    message: 'found proxyProtocol without trustedProxies, expected the proxies whose PROXY headers are believed',
  })
  .prefault({});

/** A certificate by its files. */
export interface CertificateFiles {
  /** Absolute. */
  readonly cert: string;
  readonly key: string;
  /** Names it is shown for; undefined: its own. */
  readonly hosts: readonly string[] | undefined;
}

/** How clients speak TLS with a listener. */
export interface TlsConfig {
  /** The first is the default. */
  readonly certificates: readonly [CertificateFiles, ...CertificateFiles[]];
  /** Undefined: clients are not asked for certificates. */
  readonly clients: { readonly ca: string; readonly required: boolean } | undefined;
}

/** What a listener holds at most, and how long it waits for clients. */
export interface ListenerLimits {
  readonly connections: number;
  readonly connectionsPerAddress: number;
  readonly handshakeMs: number;
  readonly headMs: number;
  readonly idleMs: number;
  readonly stallMs: number;
}

/** Where clients connect. */
export interface PublicListenerConfig {
  readonly port: number;
  readonly host: string;
  readonly trustedProxies: readonly Cidr[];
  readonly tls: TlsConfig | undefined;
  /** Who begins with a PROXY header: nobody, trusted proxies, or trusted proxies and nobody else may connect. */
  readonly proxyProtocol: 'off' | 'trusted' | 'required';
  readonly limits: ListenerLimits;
}

/** The public listener from its parsed keys; files are looked for from `folder`, where the configuration is. */
export function publicListenerConfig(
  { tls, proxyProtocol, limits, ...rest }: z.output<typeof publicListenerSchema>,
  folder: string,
): PublicListenerConfig {
  const { handshake, head, idle, stall, ...counts } = limits;
  return {
    ...rest,
    tls: tls && tlsConfig(tls, folder),
    proxyProtocol: proxyProtocol === true ? 'trusted' : proxyProtocol === false ? 'off' : proxyProtocol,
    limits: { ...counts, handshakeMs: handshake, headMs: head, idleMs: idle, stallMs: stall },
  };
}

function tlsConfig({ certificates, clientCa, clientCert }: z.output<typeof tlsSchema>, folder: string): TlsConfig {
  const [first, ...others] = certificates.map(({ cert, key, hosts }) => ({
    cert: resolve(folder, cert),
    key: resolve(folder, key),
    hosts,
  }));
  return {
    certificates: [first!, ...others],
    clients: clientCa === undefined ? undefined : { ca: resolve(folder, clientCa), required: clientCert === 'require' },
  };
}
