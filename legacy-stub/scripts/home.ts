import { htmlAnswer, jsonAnswer } from '../answer.ts';
import { homePage } from '../pages/home.ts';
import { listShipments } from '../shipments.ts';
import type { Script } from '../visit.ts';

const latestCount = 5;

/** GET / */
export const home: Script = async ({ database, frame, wantsHtml }) => {
  const customers = await database.row<{ count: number }>('SELECT COUNT(*) AS count FROM customers');
  const byStatus = await database.rows<{ status: string; count: number }>(
    'SELECT shipment_status AS status, COUNT(*) AS count FROM shipments GROUP BY shipment_status ORDER BY shipment_status',
  );
  const content = {
    customers: customers?.count ?? 0,
    shipments: byStatus.reduce((sum, { count }) => sum + count, 0),
    byStatus,
    latest: await listShipments(database, { q: '', status: '' }, { limit: latestCount, offset: 0 }),
  };
  return wantsHtml ? htmlAnswer(200, homePage(frame, content)) : jsonAnswer(200, content);
};
