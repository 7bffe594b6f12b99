/** When a row was seen: the `id` that it has in table orders, and milliseconds on bench/clock.ts. */
export type Sighting = readonly [id: number, at: number];

/** Asks for all sightings as soon as there are this many. */
export interface SightingsQuestion {
  readonly count: number;
}
