import { requireRealPart } from '../real-parts/real-part.ts';
import { eachWithLogs, sameEventsCases, startComparableRig } from './debezium-bridges.ts';

const rig = requireRealPart('Debezium (MySQL)', () => startComparableRig('mysql'));

sameEventsCases(rig, eachWithLogs());
