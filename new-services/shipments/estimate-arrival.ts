/** Guesses when a shipment will arrive; ISO 8601. A port: a real one would ask a carrier. */
export type EstimateArrival = (shipment: { readonly sender: string; readonly receiver: string }, now: Date) => string;

const dayMs = 86_400_000;

/** The start of the third day from now, in UTC. */
export const inThreeDays: EstimateArrival = (_shipment, now) => {
  const startOfToday = Math.floor(now.getTime() / dayMs) * dayMs;
  return new Date(startOfToday + 3 * dayMs).toISOString();
};
