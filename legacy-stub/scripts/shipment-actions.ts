import { rename } from 'node:fs/promises';
import { join } from 'node:path';
import { storedName } from '../documents.ts';
import { LegacyError, notFound } from '../errors.ts';
import { field, toInteger } from '../form.ts';
import { findShipment } from '../shipments.ts';
import { found, recordId, redirectTo, type Script, signedIn } from '../visit.ts';

/** POST /shipments/ID/status. Overwrites the status; MySQL stores '' for a value that the ENUM does not have. */
export const changeStatus = signedIn(async (visit) => {
  const id = recordId(visit);
  const { matched } = await visit.database.write('UPDATE shipments SET shipment_status = ? WHERE id = ?', [
    field(visit.request.body, 'status'),
    id,
  ]);
  if (matched === 0) throw notFound();
  return redirectTo(visit, `/shipments/${id}`);
});

/** POST /shipments/ID/items */
export const addItem = signedIn(async (visit) => {
  const { database, request } = visit;
  const { id } = found(await findShipment(database, recordId(visit)));
  const description = field(request.body, 'description');
  if (description === '') throw new LegacyError('bad-field', 'description: expected a text, found nothing');
  await database.write('INSERT INTO packing_list_items (shipment_id, description, quantity) VALUES (?, ?, ?)', [
    id,
    description,
    toInteger(field(request.body, 'quantity') || '1'),
  ]);
  return redirectTo(visit, `/shipments/${id}`);
});

/** POST /shipments/ID/notes. The author is who is logged in. */
export const addNote = signedIn(async (visit) => {
  const { database, request, session } = visit;
  const { id } = found(await findShipment(database, recordId(visit)));
  const body = field(request.body, 'body');
  if (body === '') throw new LegacyError('bad-field', 'body: expected a text, found nothing');
  await database.write('INSERT INTO shipment_notes (shipment_id, author, body, created_at) VALUES (?, ?, ?, NOW())', [
    id,
    session.user,
    body,
  ]);
  return redirectTo(visit, `/shipments/${id}`);
});

/** GET /shipments/ID/delete. A link that deletes; table by table, there are no foreign keys. */
export const deleteShipment = signedIn(async (visit) => {
  const { database } = visit;
  const { id } = found(await findShipment(database, recordId(visit)));
  await database.write('DELETE FROM packing_list_items WHERE shipment_id = ?', [id]);
  await database.write('DELETE FROM shipment_notes WHERE shipment_id = ?', [id]);
  await database.write('DELETE FROM shipments WHERE id = ?', [id]);
  return redirectTo(visit, '/shipments');
});

/**
 * POST /shipments/ID/document. Like PHP's move_uploaded_file: the upload lies in a temporary file until all is checked;
 * one of the same name is replaced.
 */
export function attachDocument(uploadDir: string): Script {
  return signedIn(async (visit) => {
    const { database, request } = visit;
    const { id } = found(await findShipment(database, recordId(visit)));
    if (request.file === undefined)
      throw new LegacyError('bad-field', 'document: expected an uploaded file, found none');
    const name = storedName(id, request.file.originalname);
    await rename(request.file.path, join(uploadDir, name));
    await database.write('UPDATE shipments SET document = ? WHERE id = ?', [name, id]);
    return redirectTo(visit, `/shipments/${id}`);
  });
}
