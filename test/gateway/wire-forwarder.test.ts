import { describe } from 'vitest';
import { forwarderCases } from '../cases/forwarder.cases.ts';
import { startWire } from './start-wire.ts';

describe('wire in front of the general forwarder', () => forwarderCases(startWire, { readsAhead: false }));
