import { htmlAnswer, jsonAnswer } from '../answer.ts';
import { shipmentPage } from '../pages/shipment.ts';
import { findShipment, shipmentDetails } from '../shipments.ts';
import { found, recordId, type Script } from '../visit.ts';

/** GET /shipments/ID. Counts the view: a GET that writes. */
export const showShipment: Script = async (visit) => {
  const { database, frame, wantsHtml } = visit;
  const shipment = found(await findShipment(database, recordId(visit)));
  await database.write('INSERT INTO page_views (path, views) VALUES (?, 1) ON DUPLICATE KEY UPDATE views = views + 1', [
    `/shipments/${shipment.id}`,
  ]);
  const details = await shipmentDetails(database, shipment);
  return wantsHtml ? htmlAnswer(200, shipmentPage(frame, details)) : jsonAnswer(200, details);
};
