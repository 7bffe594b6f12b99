import { z } from 'zod';

/** Value of the key `flags`. */
export const flagsSchema = z
  .strictObject({
    unleash: z.url({ protocol: /^https?$/ }).meta({ description: "An Unleash server's API, http://unleash:4242/api." }),
    token: z.string().min(1).meta({ description: 'A client token of that server.' }),
  })
  .optional()
  .meta({ description: 'An Unleash server to ask; the built-in flags when left out.' });

/** An Unleash server to ask. */
export interface UnleashConfig {
  readonly url: string;
  readonly token: string;
}

/** The server to ask; undefined: the built-in flags. */
export function unleashConfig(parsed: z.output<typeof flagsSchema>): UnleashConfig | undefined {
  return parsed && { url: parsed.unleash, token: parsed.token };
}
