import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { publicListenerConfig, publicListenerSchema } from '../../gateway/listening/config.ts';

const folder = '/etc/strangler';
const read = (written: object) => publicListenerConfig(publicListenerSchema.parse(written), folder);
const files = { cert: 'tls/c.pem', key: '/keys/k.pem' };
const absolute = { cert: resolve(folder, 'tls/c.pem'), key: '/keys/k.pem' };

describe('the keys of the public listener', () => {
  it('say plain HTTP/1 without TLS and PROXY headers when nothing is written', () => {
    expect(read({})).toMatchObject({ port: 8080, host: '127.0.0.1', tls: undefined, proxyProtocol: 'off' });
  });

  it('take one certificate, several, or several and client certificates; files are looked for from the configuration', () => {
    const hosts = ['*.example.com'];
    expect(read({ tls: files }).tls).toEqual({ certificates: [absolute], clients: undefined });
    expect(read({ tls: [files, { ...files, hosts }] }).tls!.certificates).toEqual([absolute, { ...absolute, hosts }]);
    expect(read({ tls: { ...files, clientCa: 'ca.pem' } }).tls!.clients).toEqual({
      ca: '/etc/strangler/ca.pem',
      required: true,
    });
    expect(read({ tls: { certificates: [files], clientCa: 'ca.pem', clientCert: 'request' } }).tls!.clients).toEqual({
      ca: '/etc/strangler/ca.pem',
      required: false,
    });
  });

  it.each([
    [{ tls: [] }],
    [{ tls: { cert: 'c.pem' } }],
    [{ tls: [{ ...files, hosts: ['*'] }] }],
    [{ tls: { ...files, clientCert: 'maybe' } }],
    [{ proxyProtocol: 'yes', trustedProxies: ['10.0.0.0/8'] }],
    [{ proxyProtocol: true }],
    [{ limits: { connections: 0 } }],
  ])('refuse %j', (written) => {
    expect(publicListenerSchema.safeParse(written).success).toBe(false);
  });
});
