import type { Observation } from '../comparison/observation.ts';
import { parseJsonPointer, valueAtPointer } from '../routing/json-pointer.ts';
import type { SessionAnswerPlace } from './config.ts';

/** What legacy's answer to a look-up says: whose session it is, that it is nobody's, or nothing that could be understood. */
export type SessionAnswer =
  | { readonly kind: 'user'; readonly user: string }
  | { readonly kind: 'nobody' }
  | { readonly kind: 'failed'; readonly reason: string };

/**
 * Reads an answer. A refusal (401, 403), a redirect (usually to a log-in page), 404 and 410, and 2xx without a name say that the session is
 * nobody's; anything else says nothing.
 */
export function readSessionAnswer(answer: Observation, place: SessionAnswerPlace): SessionAnswer {
  if (answer.kind === 'failure') return { kind: 'failed', reason: answer.reason };
  const { status } = answer;
  if (status < 200 || status >= 300) {
    const nobodys = (status >= 300 && status < 400) || [401, 403, 404, 410].includes(status);
    return nobodys ? { kind: 'nobody' } : { kind: 'failed', reason: `found status ${status}` };
  }
  if (answer.oversize) return { kind: 'failed', reason: 'found a larger body than any user has a name' };
  return nameAt(answer, place);
}

type Answered = Extract<Observation, { readonly kind: 'answer' }>;

function nameAt({ headers, body }: Answered, place: SessionAnswerPlace): SessionAnswer {
  switch (place.kind) {
    case 'header':
      return userOrNobody(headers[place.name]);
    case 'json':
      return nameInJson(body, place.pointer);
    case 'text':
      return isHtml(headers['content-type'])
        ? { kind: 'failed', reason: 'found a page (text/html), expected the bare name of the user' }
        : userOrNobody(body.toString().trim());
    default:
      return place satisfies never;
  }
}

function nameInJson(body: Buffer, pointer: string): SessionAnswer {
  try {
    return userOrNobody(valueAtPointer(JSON.parse(body.toString()), parseJsonPointer(pointer)));
  } catch {
    return { kind: 'failed', reason: 'found no JSON in the body' };
  }
}

/** PHP says nobody in many ways: null, false, 0, an empty text, nothing at all. */
function userOrNobody(value: unknown): SessionAnswer {
  const named = (typeof value === 'string' && value !== '') || (typeof value === 'number' && value !== 0);
  return named ? { kind: 'user', user: String(value) } : { kind: 'nobody' };
}

function isHtml(contentType: string | readonly string[] | undefined): boolean {
  return String(contentType ?? '')
    .toLowerCase()
    .startsWith('text/html');
}
