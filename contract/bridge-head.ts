/**
 * What the bridge answers to `GET /head?waitMs=200`: the binlog head as it was when the request arrived, and the log address from which
 * on a projection has seen everything up to it. 200 when the bridge has passed that head within the time; 504 problem
 * `bridge-behind` otherwise.
 */
export interface BridgeHead {
  /** `mariadb:0-1-57` */
  readonly position: string;
  /** `domain/0/1234`: what a reader sends as `strangler-at-least`. */
  readonly address: string;
}
