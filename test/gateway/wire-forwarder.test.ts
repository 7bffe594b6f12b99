import { describe } from 'vitest';
import { forwarderCases } from '../cases/forwarder.cases.ts';
import { startWireForwarder } from './start-forwarder.ts';

describe('wire in front of the general forwarder', () => forwarderCases(startWireForwarder, { readsAhead: false }));
