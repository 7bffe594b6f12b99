import { type Cell, Unreadable } from '../../../mapping/row-change.ts';

const sridBytes = 4;
/** Byte order and type stand before anything else in WKB (OGC 06-103r4, §8.2.3). */
const leastWkbBytes = 5;

/** A geometry as both servers store it, SRID (4 bytes, little-endian) and WKB: `{"srid": 4326, "wkb": "AQEAAAA…"}`, the WKB as base64. */
export function geometryCell(bytes: Buffer): Cell {
  if (bytes.length < sridBytes + leastWkbBytes) return new Unreadable(`a geometry of ${bytes.length} bytes`);
  return { srid: bytes.readUInt32LE(0), wkb: bytes.toString('base64', sridBytes) };
}
