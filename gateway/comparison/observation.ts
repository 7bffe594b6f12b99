/** One side's answer to a request, as a comparison sees it. */
export type Observation =
  | {
      readonly kind: 'answer';
      readonly status: number;
      /** Lower-case names; repeated fields joined by `, `, set-cookie by newline. */
      readonly headers: Readonly<Record<string, string>>;
      /** Still encoded as received, at most the budget's bytes. */
      readonly body: Buffer;
      /** The answer was longer than the budget; `body` is its beginning. */
      readonly oversize: boolean;
      /** From the request's last byte to the answer's last, queue wait excluded. */
      readonly durationMs: number;
    }
  /** The side gave no answer: refused, timed out, broke off. */
  | { readonly kind: 'failure'; readonly reason: string; readonly durationMs: number };
