import { htmlAnswer, jsonAnswer } from '../answer.ts';
import { customerPage } from '../pages/customer.ts';
import { customerListPage } from '../pages/customer-list.ts';
import { type CustomerRow, shipmentsOfCustomer } from '../shipments.ts';
import { found, recordId, type Script } from '../visit.ts';

const shipmentCount = 50;

/** GET /customers */
export const showCustomers: Script = async ({ database, frame, wantsHtml }) => {
  const customers = await database.rows<CustomerRow>(
    'SELECT id, name, email, city, created_at FROM customers ORDER BY id',
  );
  return wantsHtml ? htmlAnswer(200, customerListPage(frame, customers)) : jsonAnswer(200, { customers });
};

/** GET /customers/ID */
export const showCustomer: Script = async (visit) => {
  const { database, frame, wantsHtml } = visit;
  const customer = found(
    await database.row<CustomerRow>('SELECT id, name, email, city, created_at FROM customers WHERE id = ?', [
      recordId(visit),
    ]),
  );
  if (!wantsHtml) return jsonAnswer(200, customer);
  return htmlAnswer(
    200,
    customerPage(frame, customer, await shipmentsOfCustomer(database, customer.id, shipmentCount)),
  );
};
