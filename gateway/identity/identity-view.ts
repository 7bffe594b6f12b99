import type { Reception } from './reception.ts';
import type { UnitOrigin } from './units.ts';

/** Who asks and what is decided on, for people. */
export interface IdentityView {
  /** Undefined: nobody. */
  readonly user: string | undefined;
  /** `cookie uid`, `jwt sub: "exp" claim timestamp check failed; nothing …`. */
  readonly because: string;
  /** What the unit of percentages and flags is taken from: `its assignment cookie`. */
  readonly unit: string;
}

const unitTexts: Readonly<Record<UnitOrigin, string>> = {
  cookie: 'its assignment cookie',
  user: "the user's name: the same on every device",
  address: 'its address and user agent: it seems to be a script, which keeps no cookies',
  made: 'a key made for this request and given as a cookie: it seems to be a browser, on its first visit',
};

/** Says who made a request, which source named the user, and where its unit comes from. */
export function viewOf({ recognition: { user, because }, assignment }: Reception): IdentityView {
  return { user, because, unit: unitTexts[assignment] };
}
