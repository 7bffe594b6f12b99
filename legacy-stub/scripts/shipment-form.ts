import { type Answer, htmlAnswer } from '../answer.ts';
import { LegacyError } from '../errors.ts';
import { type Fields, fieldList, toInteger } from '../form.ts';
import { type ShipmentFormContent, shipmentFormPage } from '../pages/shipment-form.ts';
import { type CustomerRow, findShipment, problemOf, type ShipmentFields, shipmentFields } from '../shipments.ts';
import { found, recordId, redirectTo, signedIn, type Visit } from '../visit.ts';

const blank: ShipmentFields = {
  customer_id: null,
  sender: '',
  receiver: '',
  receiver_phone: null,
  price: '',
  estimated_arrival: '',
};

/** GET /shipments/new */
export const showNewShipment = signedIn((visit) => formAnswer(visit, 200, newForm(blank)));

/**
 * POST /shipments. The shipment and each line of its packing list are statements of their own: what breaks off in
 * between stays half done.
 */
export const createShipment = signedIn(async (visit) => {
  const { database, request } = visit;
  const fields = shipmentFields(request.body, blank);
  const problem = problemOf(fields);
  if (problem !== undefined) return refuse(visit, newForm(fields), problem);
  const { insertId } = await database.write(
    `INSERT INTO shipments (customer_id, sender, receiver, receiver_phone, price, estimated_arrival, created_at)
     VALUES (?, ?, ?, ?, ?, ?, NOW())`,
    columnValues(fields),
  );
  for (const { description, quantity } of postedItems(request.body)) {
    await database.write('INSERT INTO packing_list_items (shipment_id, description, quantity) VALUES (?, ?, ?)', [
      insertId,
      description,
      quantity,
    ]);
  }
  return redirectTo(visit, `/shipments/${insertId}`);
});

/** GET /shipments/ID/edit */
export const showEditShipment = signedIn(async (visit) => {
  const shipment = found(await findShipment(visit.database, recordId(visit)));
  return formAnswer(visit, 200, editForm(shipment.id, shipment));
});

/** POST /shipments/ID. Writes every column of the form, changed or not. */
export const updateShipment = signedIn(async (visit) => {
  const { database, request } = visit;
  const before = found(await findShipment(database, recordId(visit)));
  const fields = shipmentFields(request.body, before);
  const problem = problemOf(fields);
  if (problem !== undefined) return refuse(visit, editForm(before.id, fields), problem);
  await database.write(
    `UPDATE shipments SET customer_id = ?, sender = ?, receiver = ?, receiver_phone = ?, price = ?,
     estimated_arrival = ? WHERE id = ?`,
    [...columnValues(fields), before.id],
  );
  return redirectTo(visit, `/shipments/${before.id}`);
});

function newForm(fields: ShipmentFields): FormContent {
  return { title: 'New shipment', action: '/shipments', fields, withItems: true };
}

function editForm(id: number, fields: ShipmentFields): FormContent {
  return { title: `Edit shipment ${id}`, action: `/shipments/${id}`, fields, withItems: false };
}

type FormContent = Omit<ShipmentFormContent, 'customers'>;

async function refuse(visit: Visit, content: FormContent, problem: string): Promise<Answer> {
  if (!visit.wantsHtml) throw new LegacyError('bad-field', problem);
  return formAnswer(visit, 400, { ...content, error: problem });
}

async function formAnswer({ database, frame }: Visit, status: number, content: FormContent): Promise<Answer> {
  const customers = await database.rows<Pick<CustomerRow, 'id' | 'name'>>(
    'SELECT id, name FROM customers ORDER BY name',
  );
  return htmlAnswer(status, shipmentFormPage(frame, { ...content, customers }));
}

function columnValues(fields: ShipmentFields) {
  return [
    fields.customer_id,
    fields.sender,
    fields.receiver,
    fields.receiver_phone,
    fields.price,
    fields.estimated_arrival,
  ];
}

/** The lines of the form whose description is filled in. */
function postedItems(form: Fields | undefined): { description: string; quantity: number }[] {
  const quantities = fieldList(form, 'item_quantity[]');
  return fieldList(form, 'item_description[]')
    .map((description, index) => ({ description: description.trim(), quantity: toInteger(quantities[index] ?? '1') }))
    .filter(({ description }) => description !== '');
}
