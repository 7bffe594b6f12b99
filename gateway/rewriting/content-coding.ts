import type { Transform } from 'node:stream';
import zlib from 'node:zlib';

/** A content coding that can be undone and done again (RFC 9110 section 8.4.1). */
export interface ContentCoding {
  /** `first` is the body's beginning: what is called deflate comes in two formats. */
  decoder(first: Buffer): Transform & { readonly bytesWritten: number };
  /** Passes on what it has after each write, so that a body streams as it did before. */
  encoder(): Transform;
}

/** Node has Zstandard since 22.15, so it is not in the types of the oldest Node that is supported. */
interface WithZstd {
  createZstdDecompress?(): ReturnType<ContentCoding['decoder']>;
  createZstdCompress?(options: object): Transform;
}

const { Z_SYNC_FLUSH, BROTLI_OPERATION_FLUSH, BROTLI_PARAM_QUALITY } = zlib.constants;
/** ZSTD_e_flush of zstd.h. */
const zstdFlush = 1;
/** Brotli's default of 11 is meant for files that are compressed once. */
const brotliQuality = 4;

const gzip: ContentCoding = {
  decoder: () => zlib.createGunzip(),
  encoder: () => zlib.createGzip({ flush: Z_SYNC_FLUSH }),
};
const deflate: ContentCoding = {
  decoder: (first) => (hasEnvelope(first) ? zlib.createInflate() : zlib.createInflateRaw()),
  encoder: () => zlib.createDeflate({ flush: Z_SYNC_FLUSH }),
};
const brotli: ContentCoding = {
  decoder: () => zlib.createBrotliDecompress(),
  encoder: () =>
    zlib.createBrotliCompress({ flush: BROTLI_OPERATION_FLUSH, params: { [BROTLI_PARAM_QUALITY]: brotliQuality } }),
};

const codings: ReadonlyMap<string, ContentCoding> = new Map([
  ['gzip', gzip],
  ['x-gzip', gzip],
  ['deflate', deflate],
  ['br', brotli],
  ...zstd(),
]);

/** The coding of that name, or undefined when it cannot be undone here. */
export function contentCoding(lowerName: string): ContentCoding | undefined {
  return codings.get(lowerName);
}

/** An Accept-Encoding value less the codings that could not be undone; `identity` when none is left. `gzip, br;q=0.8, x` → `gzip, br;q=0.8` */
export function acceptableCodings(value: string): string {
  const kept = value.split(',').filter((one) => {
    const name = one.split(';', 1)[0]!.trim().toLowerCase();
    return name === 'identity' || codings.has(name);
  });
  return kept.length === 0 ? 'identity' : kept.map((one) => one.trim()).join(', ');
}

/** The envelope of RFC 1950 begins with method 8; some servers send RFC 1951 alone under the same name, which never does. */
function hasEnvelope([method = 0]: Buffer): boolean {
  return (method & 0x0f) === 8;
}

function zstd(): [string, ContentCoding][] {
  const { createZstdDecompress, createZstdCompress } = zlib as WithZstd;
  if (!createZstdDecompress || !createZstdCompress) return [];
  return [['zstd', { decoder: () => createZstdDecompress(), encoder: () => createZstdCompress({ flush: zstdFlush }) }]];
}
