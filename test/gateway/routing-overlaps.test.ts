import { describe, expect, it } from 'vitest';
import { gatewayWarnings } from '../../gateway/config.ts';
import { equallySpecificRoutes } from '../../gateway/routing/overlaps.ts';
import { gatewaySchema } from './configure.ts';
import { routesOf, service } from './routing-of.ts';

const route = (name: string, match: object) => ({ name, match: { path: '/a', ...match } });
const pairs = (...matches: object[]) =>
  equallySpecificRoutes(routesOf(matches.map((match, index) => route('xyz'[index]!, match)))).map(
    ([earlier, later]) => earlier.name + later.name,
  );

describe('routes that are equally specific', () => {
  it.each<[string, object, object]>([
    ['different headers', { headers: { v: '1' } }, { headers: { w: '1' } }],
    ['a shared header and another', { headers: { v: '1', w: '1' } }, { headers: { V: '1', x: '1' } }],
    ['methods that share one', { method: ['GET', 'POST'] }, { method: ['POST', 'PUT'] }],
    ['GET and HEAD', { method: 'GET' }, { method: 'HEAD' }],
    ['hosts that share one', { hosts: ['a.x', 'b.x'] }, { hosts: ['b.x', 'c.x'] }],
    ['blocks of clients of which one lies in the other', { client: '10.0.0.0/8' }, { client: ['10.1.0.0/16', '::1'] }],
    ['different fields of a body', { body: { '/a': '1' } }, { body: { '/b': '1' } }],
    ['parameters of other names', { path: '/{x}', query: { v: '1' } }, { path: '/{y}', query: { w: '1' } }],
  ])('with %s can meet on one request', (_, one, other) => {
    expect(pairs(one, other)).toEqual(['xy']);
  });

  it.each<[string, object, object]>([
    ['a header of another value', { headers: { v: '1' } }, { headers: { V: '2' } }],
    ['a cookie of another value', { cookies: { v: '1' } }, { cookies: { v: '2' } }],
    ['a query parameter of another value', { query: { v: '1' } }, { query: { v: '2' } }],
    ['a field of the body of another value', { body: { '/v': '1' } }, { body: { '/v': '2' } }],
    ['a form and a JSON document', { body: { v: '1' } }, { body: { '/w': '1' } }],
    ['other methods', { method: 'POST' }, { method: 'PUT' }],
    ['other hosts', { hosts: ['a.x'] }, { hosts: ['b.x'] }],
    ['wildcards of which one is longer', { hosts: ['*.x'] }, { hosts: ['*.b.x'] }],
    ['other blocks of clients', { client: '10.0.0.0/8' }, { client: '11.0.0.0/8' }],
    ['other paths', { path: '/a/{x}' }, { path: '/{x}/b' }],
    ['parameters of another type', { path: '/a/{x}' }, { path: '/a/{x:int}' }],
    ['more conditions', { headers: { v: '1' } }, { headers: { v: '1', w: '1' } }],
    ['a header and a cookie', { headers: { v: '1' } }, { cookies: { v: '1' } }],
  ])('with %s cannot, or one is more specific', (_, one, other) => {
    expect(pairs(one, other)).toEqual([]);
  });

  it('are told once however many hosts they share, and each pair by itself', () => {
    const match = (name: string) => ({ hosts: ['a.x', 'b.x'], headers: { [name]: '1' } });
    expect(pairs(match('u'), match('v'), match('w'))).toEqual(['xy', 'xz', 'yz']);
  });

  it('are found among thousands on one path that ask one header for different values', () => {
    const many = Array.from({ length: 10_000 }, (_, index) =>
      route(`tenant ${index}`, { headers: { tenant: `${index}` } }),
    );
    const routes = routesOf([...many, route('extra', { headers: { other: '1' } })]);
    expect(equallySpecificRoutes(routes)).toHaveLength(many.length);
    expect(equallySpecificRoutes(routes.slice(0, -1))).toEqual([]);
  });

  it('are warned of with both places', () => {
    const { capabilities } = gatewaySchema.parse({
      legacy: { url: 'http://a' },
      capabilities: {
        shipments: { service, routes: ['GET /b', route('x', { headers: { v: '1' } })] },
        customers: { service, routes: [route('y', { headers: { w: '1' } })] },
      },
    });
    expect(gatewayWarnings(capabilities)).toEqual([
      {
        path: ['capabilities', 'customers', 'routes', 0],
        other: ['capabilities', 'shipments', 'routes', 1],
        message: expect.stringMatching(/"y" of customers.*"x" of shipments/),
      },
    ]);
  });
});
