import { endInFile, isArtificial, lengthOf, typeOf } from './event-header.ts';
import { eventType } from './event-type.ts';

const wrap = 2 ** 32;

/** Events that the server makes up for a reader stand in no file and take no room there. */
const made = new Set<number>([eventType.heartbeat, eventType.heartbeatV2]);

/**
 * Where in which binlog file the reader is. The header tells where an event ends modulo 2^32, and MariaDB from 11.4 on leaves it at 0
 * inside a transaction; so it is the nearest offset to what follows the event before.
 */
export class Place {
  file = '';
  /** Where the next event begins. */
  offset = 0;

  enter(file: string, offset: number): void {
    this.file = file;
    this.offset = offset;
  }

  /** Goes behind an event, and gives the offset at which it begins. */
  pass(event: Buffer): number {
    const before = this.offset;
    const length = lengthOf(event);
    const told = endInFile(event);
    if (told === 0) {
      const inFile = !isArtificial(event) && !made.has(typeOf(event)) && typeOf(event) !== eventType.formatDescription;
      if (inFile) this.offset = before + length;
      return before;
    }
    if (isArtificial(event) || made.has(typeOf(event))) return before;
    const rounds = Math.max(0, Math.round((before + length - told) / wrap));
    this.offset = told + rounds * wrap;
    return this.offset - length;
  }
}
