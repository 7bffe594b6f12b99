import { constants, createPrivateKey, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createSecureContext, type SecureContext, type SecureContextOptions } from 'node:tls';
import type { CertificateFiles, TlsConfig } from './config.ts';

/** Certificates that were read, checked and are ready to be shown. */
export interface Certificates {
  /** What the listener's default is made of. */
  readonly options: SecureContextOptions;
  /** The context for a host name; undefined: the default. */
  contextFor(hostName: string): SecureContext | undefined;
  /** The first day on which one of them is no longer valid, and whose it is. */
  readonly expires: { readonly at: Date; readonly file: string };
}

/** Certificates cannot be used. The message names the file and says what was found. */
export class CertificateError extends Error {
  override readonly name = 'CertificateError';
}

interface Loaded {
  readonly options: SecureContextOptions;
  readonly names: readonly string[];
  readonly expires: Date;
  readonly file: string;
}

/** Reads all files of a listener's TLS. Rejects with a CertificateError for the first that is missing, malformed or does not fit. */
export async function loadCertificates({ certificates, clients }: TlsConfig): Promise<Certificates> {
  const ca = clients && (await readAuthorities(clients.ca));
  const [first, ...others] = (await Promise.all(certificates.map((files) => load(files, ca)))) as [Loaded, ...Loaded[]];
  const contexts = new Map<string, SecureContext>();
  for (const { names, options } of [first, ...others]) {
    const context = createSecureContext(options);
    for (const name of names) if (!contexts.has(name)) contexts.set(name, context);
  }
  const earliest = [first, ...others].reduce((a, b) => (b.expires < a.expires ? b : a));
  return {
    options: first.options,
    contextFor: (hostName) => pick(contexts, hostName),
    expires: { at: earliest.expires, file: earliest.file },
  };
}

/** An exact name beats a wildcard; a wildcard stands for exactly one label (RFC 6125 section 6.4.3). */
function pick(contexts: ReadonlyMap<string, SecureContext>, hostName: string): SecureContext | undefined {
  const name = hostName.toLowerCase().replace(/\.$/, '');
  return contexts.get(name) ?? contexts.get(name.replace(/^[^.]+/, '*'));
}

async function load({ cert, key, hosts }: CertificateFiles, ca: Buffer | undefined): Promise<Loaded> {
  const [certificate, privateKey] = await Promise.all([readPem(cert, 'CERTIFICATE'), readPem(key, 'PRIVATE KEY')]);
  const leaf = parsed(cert, 'certificate', () => new X509Certificate(certificate));
  const ownKey = parsed(key, 'private key without a passphrase', () => createPrivateKey(privateKey));
  if (!leaf.checkPrivateKey(ownKey)) throw new CertificateError(`found in ${key} a key that is not the one of ${cert}`);
  const options: SecureContextOptions = {
    cert: certificate,
    key: privateKey,
    minVersion: 'TLSv1.2',
    // A client of TLS 1.2 could make us shake hands again and again, and HTTP/2 forbids it (RFC 9113 section 9.2.1).
    secureOptions: constants.SSL_OP_NO_RENEGOTIATION,
    ...(ca === undefined ? {} : { ca }),
  };
  parsed(cert, 'certificate and its chain', () => createSecureContext(options));
  const names = (hosts ?? namesOf(leaf)).map((name) => name.toLowerCase());
  return { options, names, expires: new Date(leaf.validTo), file: cert };
}

async function readAuthorities(file: string): Promise<Buffer> {
  const ca = await readPem(file, 'CERTIFICATE');
  parsed(file, 'list of certificates', () => createSecureContext({ ca }));
  parsed(file, 'certificate', () => new X509Certificate(ca));
  return ca;
}

async function readPem(file: string, label: string): Promise<Buffer> {
  const bytes = await readFile(file).catch((error: NodeJS.ErrnoException) => {
    throw new CertificateError(`cannot read ${file} (${error.code})`, { cause: error });
  });
  if (!new RegExp(`-----BEGIN [A-Z ]*${label}-----`).test(bytes.toString('latin1')))
    throw new CertificateError(`found in ${file} no ${label} in PEM (${bytes.length} bytes)`);
  return bytes;
}

function parsed<T>(file: string, expected: string, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    throw new CertificateError(`found in ${file} no ${expected} that can be read: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

/** `DNS:www.example.com, DNS:*.example.com, IP Address:10.0.0.1` → the DNS names; without any, the subject's common name. */
function namesOf(leaf: X509Certificate): string[] {
  const names = (leaf.subjectAltName ?? '').split(', ').flatMap((entry) => /^DNS:([\w.*-]+)$/.exec(entry)?.[1] ?? []);
  const commonName = /^CN=([\w.*-]+)$/m.exec(leaf.subject)?.[1];
  return names.length > 0 || commonName === undefined ? names : [commonName];
}
