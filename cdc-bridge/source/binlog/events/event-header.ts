/**
 * The header that every binlog event begins with, little-endian:
 *
 *     0 timestamp u32 · 4 type u8 · 5 server id u32 · 9 length u32 · 13 end in the file u32 · 17 flags u16
 *
 * The length counts header and checksum; the end is modulo 2^32, and 0 where the writer did not know it.
 */
export const headerBytes = 19;

/** A reader that does not know the type of an event with this flag may go on. LOG_EVENT_IGNORABLE_F. */
const ignorableFlag = 0x80;

/** Made up by the server for this reader, in no file. LOG_EVENT_ARTIFICIAL_F. */
const artificialFlag = 0x20;

/** In a format description: the file is being written, or its server crashed while it was. LOG_EVENT_BINLOG_IN_USE_F. */
export const inUseFlag = 0x1;
export const flagsAt = 17;

export const typeOf = (event: Buffer): number => event[4]!;
/** Seconds since 1970. */
export const writtenAt = (event: Buffer): number => event.readUInt32LE(0);
export const serverIdOf = (event: Buffer): number => event.readUInt32LE(5);
export const lengthOf = (event: Buffer): number => event.readUInt32LE(9);
export const endInFile = (event: Buffer): number => event.readUInt32LE(13);
export const isIgnorable = (event: Buffer): boolean => (event.readUInt16LE(flagsAt) & ignorableFlag) !== 0;
export const isArtificial = (event: Buffer): boolean => (event.readUInt16LE(flagsAt) & artificialFlag) !== 0;
export const isInUse = (event: Buffer): boolean => (event.readUInt16LE(flagsAt) & inUseFlag) !== 0;
