import { describe } from 'vitest';
import { forwarderCases } from '../cases/forwarder.cases.ts';
import { startHttpProxyForwarder } from './start-forwarder.ts';

/** What http-proxy cannot do; docs/forwarding.md says the same to operators. */
const exceptions = {
  'passes trailers of a chunked request on':
    'It ends the request when the body ends; nobody can add anything after it.',
  'keep their places when a name comes again':
    'It takes fields as an object: values of one name stand at its first place.',
  'takes a head of 2,500 fields whole':
    "Node's client reads 2,000 fields unless told otherwise before it connects; more are refused.",
};

describe('the forwarder on http-proxy', () =>
  forwarderCases(startHttpProxyForwarder, { readsAhead: true, exceptions }));
