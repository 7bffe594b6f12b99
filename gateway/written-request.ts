import { z } from 'zod';
import { token } from '../runtime/config-values.ts';
import type { DescribedRequest } from './explain.ts';
import { headerValue } from './identity/header-value.ts';
import { isAddress } from './routing/cidr.ts';

/** What `url` of a written request must look like. */
export const requestUrl = /^(?:https?:\/\/([^/?#\s]+))?(\/\S*)$/;

/** The address of a client. */
export const clientAddress = z
  .string()
  .refine(isAddress, 'expected an address such as 192.0.2.7 or 2001:db8::7')
  .meta({ description: "The client's address." });

/** A moment, with its offset. */
export const moment = z.iso
  .datetime({ offset: true, error: 'expected a time such as 2026-01-31T12:00:00Z' })
  .transform((text) => new Date(text));

/** White space around a value does not count on the wire either. */
const fieldValue = z.string().transform((value) => value.replace(/^[ \t]+|[ \t]+$/g, ''));

/** A request as people write one, checked: for `POST /api/explain` and for those who ask without a gateway. */
export const writtenRequest = z.strictObject({
  method: z
    .string()
    .regex(/^[A-Za-z]+$/, 'expected a method such as GET')
    .transform((text) => text.toUpperCase())
    .default('GET'),
  /** A path with query, or an absolute URL. */
  url: z.string().regex(requestUrl, 'expected a path such as /shipments/7, or a URL with a path'),
  /** A list where a field is sent several times. */
  headers: z.record(token('a header field'), z.union([fieldValue, z.array(fieldValue)])).default({}),
  clientAddress: clientAddress.optional(),
  body: z.string().optional(),
  user: z.string().min(1, 'expected a name').optional(),
  time: moment.optional(),
});

/** A request as people write one: `url` is a path or an absolute URL. */
export type WrittenRequest = z.output<typeof writtenRequest>;

/**
 * A request from how people write one. A host in the URL counts where no Host is given; a body without Content-Type is JSON when it reads as
 * that, else a form.
 */
export function describeRequest({ url, headers, ...more }: WrittenRequest): DescribedRequest {
  const [, host, target = '/'] = requestUrl.exec(url) ?? [];
  const given = Object.entries(headers).flatMap(([name, value]) => [value].flat().flatMap((one) => [name, one]));
  const supplied = [
    ...(host === undefined ? [] : ['host', host]),
    ...(more.body === undefined ? [] : ['content-type', typeOf(more.body)]),
  ];
  return { ...more, target, rawHeaders: [...given, ...withoutGiven(supplied, given)] };
}

function withoutGiven(supplied: readonly string[], given: readonly string[]): string[] {
  return supplied.filter((_, index) => headerValue(given, supplied[index - (index % 2)]!) === undefined);
}

function typeOf(body: string): string {
  try {
    JSON.parse(body);
    return 'application/json';
  } catch {
    return 'application/x-www-form-urlencoded';
  }
}
