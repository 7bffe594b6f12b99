import { describe } from 'vitest';
import { forwarderCases } from '../cases/forwarder.cases.ts';
import { startGeneralForwarder } from './start-forwarder.ts';

describe('the general forwarder', () => forwarderCases(startGeneralForwarder));
