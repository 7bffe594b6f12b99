import { describe } from 'vitest';
import { forwarderCases } from '../cases/forwarder.cases.ts';
import { startHttpProxyForwarder } from './start-forwarder.ts';

describe('the forwarder on http-proxy', () => forwarderCases(startHttpProxyForwarder));
