import type { RequestFacts } from '../../gateway/routing/decision.ts';

/** Facts as a test writes them: fields under lower-case names. */
export interface WrittenFacts extends Partial<Omit<RequestFacts, 'header' | 'cookie'>> {
  readonly headers?: Readonly<Record<string, string>>;
  readonly cookies?: Readonly<Record<string, string>>;
}

/** The facts of a GET by nobody in particular, but for what is said. */
export function factsOf(target: string, { headers = {}, cookies = {}, ...more }: WrittenFacts = {}): RequestFacts {
  return {
    method: 'GET',
    host: 'shop.example',
    target,
    header: (name) => headers[name],
    cookie: (name) => cookies[name],
    clientAddress: '192.0.2.1',
    user: undefined,
    assignmentKey: 'key',
    ...more,
  };
}
