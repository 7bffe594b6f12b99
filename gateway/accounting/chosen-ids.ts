import type { SpanName } from '../../contract/traceparent.ts';
import type { RandomHex } from './random-hex.ts';

/**
 * Makes the ids of spans, as OpenTelemetry's SDK asks for them. Services were told a request's span in their traceparent before the span
 * is recorded, so it has to get that very id.
 */
export class ChosenIds {
  readonly #randomHex: RandomHex;
  #chosen: Pick<SpanName, 'traceId' | 'spanId'> | undefined;

  constructor(randomHex: RandomHex) {
    this.#randomHex = randomHex;
  }

  /** The span that `make` makes is named so. */
  naming<Made>(chosen: Pick<SpanName, 'traceId' | 'spanId'>, make: () => Made): Made {
    this.#chosen = chosen;
    try {
      return make();
    } finally {
      this.#chosen = undefined;
    }
  }

  generateTraceId = (): string => this.#chosen?.traceId ?? this.#randomHex(32);

  generateSpanId = (): string => this.#chosen?.spanId ?? this.#randomHex(16);
}
