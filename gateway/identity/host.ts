import { GatewayError } from '../errors.ts';
import { BoundedCache } from './bounded-cache.ts';
import { isNamed } from './header-value.ts';
import { ownCopy } from './own-copy.ts';

const maxKnownHosts = 1_000;
/** A DNS name with a port is never longer; what is, is read each time and not kept. */
const maxKeptLength = 262;

/** Reads the authorities that requests are for, and remembers those that were well-formed. */
export class Hosts {
  readonly #names = new BoundedCache<string>(maxKnownHosts);
  /** Optimization: most requests are for the same host as the one before; comparing two texts costs less than finding one in a map. */
  #last = { authority: '', name: '' };

  /**
   * The value of the Host field, empty when there is none. Throws a GatewayError (400) for several, and for one that is none:
   * `NAME`, `NAME:PORT` or `[IPV6]:PORT`.
   */
  received(rawHeaders: readonly string[]): string {
    const host = onlyHost(rawHeaders);
    if (host !== this.#last.authority)
      this.#last = { authority: host, name: this.#names.get(host) ?? this.#read(host) };
    return this.#last.authority;
  }

  /** The host of an authority: without port and closing dot, in lower case. */
  nameOf(authority: string): string {
    return authority === this.#last.authority ? this.#last.name : (this.#names.get(authority) ?? hostName(authority));
  }

  #read(host: string): string {
    if (!/^(?:[\w.~-]*|\[[0-9a-f:.]+\])(?::\d{0,5})?$/i.test(host)) {
      throw new GatewayError(
        'bad-host',
        `found Host ${JSON.stringify(host.slice(0, 100))}, expected NAME or NAME:PORT`,
      );
    }
    const name = ownCopy(hostName(host));
    if (host.length <= maxKeptLength) this.#names.set(host, name);
    return name;
  }
}

function onlyHost(rawHeaders: readonly string[]): string {
  let host: string | undefined;
  for (let index = 0; index < rawHeaders.length; index += 2) {
    if (!isNamed(rawHeaders[index]!, 'host')) continue;
    if (host !== undefined) throw new GatewayError('bad-host', 'found several Host headers, expected one');
    host = rawHeaders[index + 1]!;
  }
  return host ?? '';
}

function hostName(authority: string): string {
  return authority.replace(/:\d*$/, '').replace(/\.$/, '').toLowerCase();
}
