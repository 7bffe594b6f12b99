import type { RequestRecord } from '../../gateway/accounting/request-record.ts';

/** A request that the new side answered, as it is accounted for, with what a test wants otherwise. */
export function record(otherwise: Partial<RequestRecord> = {}): RequestRecord {
  return {
    startedAtMs: 1_790_000_000_000,
    durationMs: 1.5,
    firstByteMs: 1,
    waitedMs: 0.1,
    requestId: '0123456789abcdef0123456789abcdef',
    trace: {
      traceId: '4bf92f3577b34da6a3ce929d0e0e4736',
      spanId: '00f067aa0ba902b7',
      parentId: undefined,
      sampled: false,
      traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00',
    },
    clientAddress: '192.0.2.7',
    scheme: 'https',
    host: 'shop.example',
    method: 'GET',
    target: '/shipments/7?page=2',
    route: 'GET /shipments/{id}',
    template: '/shipments/{id}',
    capability: 'shipments',
    stage: 'new',
    side: 'new',
    shadow: undefined,
    reasons: [{ step: 'otherwise' }],
    assignmentKey: 'a-key-of-22-characters',
    user: 'alice',
    status: 200,
    outcome: 'answered',
    code: undefined,
    retries: 0,
    bytesIn: 0,
    bytesOut: 1024,
    fallback: undefined,
    ...otherwise,
  };
}
