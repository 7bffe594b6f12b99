import { describe, expect, test } from 'vitest';
import { shipmentPage as legacyPage } from '../../legacy-stub/pages/shipment.ts';
import { shipmentListPage as legacyListPage } from '../../legacy-stub/pages/shipment-list.ts';
import { shipmentListPage } from '../../new-services/http/legacy-facade/shipment-list-page.ts';
import { shipmentPage } from '../../new-services/http/legacy-facade/shipment-page.ts';

const shipment = {
  id: 7,
  customer_id: 3,
  customer_name: '<Angle> & Sons',
  sender: 'bob',
  receiver: 'bill',
  receiver_phone: null,
  shipment_status: 'in_transit',
  price: '12.50',
  estimated_arrival: '2025-12-24',
  document: 'label 7.pdf',
  created_at: '2025-12-01 10:00:00',
  updated_at: '2025-12-02 08:15:00',
  packing_list: [{ id: 1, description: 'marbles', quantity: 2 }],
  notes: [{ id: 1, author: 'alice', body: 'call "first"', created_at: '2025-12-01 11:00:00' }],
};
const bare = { ...shipment, customer_id: null, customer_name: null, document: null, packing_list: [], notes: [] };
const frame = (user?: string) => ({ origin: 'http://shop.example', path: '/shipments/7', user });
const withoutViews = (page: string) => page.replace(/\n<p class="views">.*<\/p>/, '');

describe('the facade’s pages are legacy’s to the byte', () => {
  test.each([
    ['with everything, signed in', shipment, 'alice'],
    ['with everything, for a visitor', shipment, undefined],
    ['with nothing that can be missing', bare, 'bob'],
  ])('one shipment %s, the counted views aside', (_what, shown, user) => {
    expect(shipmentPage(frame(user), shown)).toBe(withoutViews(legacyPage(frame(user), { ...shown, views: 12 })));
  });

  test.each([
    ['in the middle', [shipment, bare], 2, { q: 'b"o', status: 'in_transit' }],
    ['empty', [], 1, { q: '', status: '' }],
  ])('a list %s', (_what, shipments, page, filter) => {
    const content = { shipments, total: 60, page, pages: 3, filter };
    expect(shipmentListPage(frame('alice'), content)).toBe(legacyListPage(frame('alice'), content));
  });
});
