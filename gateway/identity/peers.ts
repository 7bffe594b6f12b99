import { type Cidr, isAddress, plainAddress } from '../routing/cidr.ts';
import { BoundedCache } from './bounded-cache.ts';

const maxKnownPeers = 10_000;
/** No request comes through more proxies; a client that says so wants to keep us busy. */
const maxHops = 50;

/** The other end of a connection. */
export interface Peer {
  /** IPv4 addresses plain, also on sockets that speak both. */
  readonly address: string;
  /** It is a proxy whose word about the client counts. */
  readonly trusted: boolean;
}

/** Tells trusted proxies from others, and finds the client behind them. */
export class Peers {
  readonly #trusted: readonly Cidr[];
  readonly #known = new BoundedCache<Peer>(maxKnownPeers);
  /** Optimization: behind a load balancer all requests come from one address. */
  #last: { readonly remoteAddress: string; readonly peer: Peer } | undefined;

  constructor(trusted: readonly Cidr[]) {
    this.#trusted = trusted;
  }

  /** The peer at an address as its socket reports it. */
  at(remoteAddress: string): Peer {
    if (this.#last?.remoteAddress !== remoteAddress) {
      this.#last = { remoteAddress, peer: this.#known.get(remoteAddress) ?? this.#read(remoteAddress) };
    }
    return this.#last.peer;
  }

  /**
   * The nearest address in X-Forwarded-For that is no trusted proxy's: what stands left of it is the client's own claim. Where all are trusted, the
   * furthest: it is the client that they tell of.
   */
  clientBehind({ address, trusted }: Peer, forwardedFor: string | undefined): string {
    if (!trusted || forwardedFor === undefined) return address;
    let client = address;
    for (let end = forwardedFor.length, hops = 0; end >= 0 && hops < maxHops; hops += 1) {
      const comma = end === 0 ? -1 : forwardedFor.lastIndexOf(',', end - 1);
      const hop = plainAddress(forwardedFor.slice(comma + 1, end).trim());
      if (!isAddress(hop)) break;
      client = hop;
      if (!this.#trusts(hop)) break;
      end = comma;
    }
    return client;
  }

  #read(remoteAddress: string): Peer {
    const address = plainAddress(remoteAddress);
    const peer = { address, trusted: this.#trusts(address) };
    this.#known.set(remoteAddress, peer);
    return peer;
  }

  #trusts(address: string): boolean {
    return this.#trusted.some((block) => block.contains(address));
  }
}
