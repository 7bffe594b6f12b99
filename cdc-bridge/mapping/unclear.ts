import type { ParkingReason } from '../errors.ts';

/** Thrown inside the mapping when a change cannot be understood; ends as a parked change, never as an error of the bridge. */
export class Unclear extends Error {
  override readonly name = 'Unclear';
  readonly reason: ParkingReason;
  constructor(reason: ParkingReason, message: string) {
    super(message);
    this.reason = reason;
  }
}
