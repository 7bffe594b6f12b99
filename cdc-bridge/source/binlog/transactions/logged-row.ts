import type { Row, RowChange } from '../../../mapping/row-change.ts';
import type { RowImages } from '../decoding/table-decoder.ts';

/** A row of a rows event; its images are decoded when they are first asked for. */
export class LoggedRow implements RowChange {
  readonly table: string;
  readonly op: 'c' | 'u' | 'd';
  readonly pos: number;
  readonly row: number;
  readonly traceparent?: string;
  readonly #images: RowImages;

  constructor(
    table: string,
    op: LoggedRow['op'],
    images: RowImages,
    pos: number,
    row: number,
    traceparent: string | undefined,
  ) {
    this.table = table;
    this.op = op;
    this.pos = pos;
    this.row = row;
    if (traceparent !== undefined) this.traceparent = traceparent;
    this.#images = images;
  }

  get before(): Row | undefined {
    return this.#images.before;
  }

  get after(): Row | undefined {
    return this.#images.after;
  }

  /** The images as Debezium's connectors spell them; written each time they are asked for. */
  get beforeJson(): string | undefined {
    return this.#images.beforeJson;
  }

  get afterJson(): string | undefined {
    return this.#images.afterJson;
  }
}
