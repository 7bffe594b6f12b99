import { parseJsonPointer, valueAtPointer } from '../json-pointer.ts';
import type { BodyPredicate } from '../predicate.ts';
import type { RequestBody } from '../request-body.ts';

/**
 * Accepts a body with this value: in JSON at a JSON Pointer (`/receiver/country`), in a form under a field's name (`country`). Numbers and
 * booleans are compared as JSON writes them; a number beyond 2^53 is never accepted, because systems differ in which it is. A form's field repeated with another value is not accepted: systems differ in which counts.
 */
export function bodyPredicate(place: string, value: string): BodyPredicate {
  return {
    text: `body ${place}=${JSON.stringify(value)}`,
    test: place.startsWith('/') ? jsonTest(place, value) : formTest(place, value),
  };
}

function jsonTest(place: string, value: string): BodyPredicate['test'] {
  const pointer = parseJsonPointer(place);
  return (body) => (body.kind === 'json' ? isWritten(valueAtPointer(body.value, pointer), value) : notOf(body));
}

function isWritten(found: unknown, value: string): boolean {
  if (typeof found === 'string') return found === value;
  if (typeof found === 'number') return isExact(found) && String(found) === value;
  return typeof found === 'boolean' && String(found) === value;
}

/** What is larger is read by some systems as it stands, by others as the nearest number they have. */
function isExact(found: number): boolean {
  return Math.abs(found) <= Number.MAX_SAFE_INTEGER;
}

function formTest(place: string, value: string): BodyPredicate['test'] {
  return (body) => {
    if (body.kind !== 'form') return notOf(body);
    const values = body.fields.getAll(place);
    return values.length > 0 && values.every((found) => found === value);
  };
}

function notOf(body: RequestBody) {
  if (body.kind === 'absent') return false;
  return body.kind === 'unreadable' ? body.problem : 'other-type';
}
