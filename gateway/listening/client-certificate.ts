import type { Peer } from './connection.ts';

const fieldNames: ReadonlySet<string> = new Set(['client-cert', 'client-cert-chain']);

/** Whether Client-Cert, where it is among the fields, was written by the listener. */
export function certificateVerified({ clientCertificate }: Peer): boolean {
  return clientCertificate !== 'not-asked';
}

/**
 * Raw header fields as they go on from a listener that asks clients for certificates: what the client itself said of one is dropped, and the
 * verified one said, `Client-Cert: :MIIB…:` (RFC 9440 section 2). Other listeners change nothing.
 */
export function withClientCertificate(raw: string[], { clientCertificate }: Peer): string[] {
  if (clientCertificate === 'not-asked') return raw;
  const others = raw.filter((_, index) => !fieldNames.has(raw[index - (index % 2)]!.toLowerCase()));
  if (clientCertificate === 'none') return others;
  return [...others, 'Client-Cert', `:${clientCertificate.toString('base64')}:`];
}
