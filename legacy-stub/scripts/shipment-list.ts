import { type Answer, htmlAnswer, jsonAnswer } from '../answer.ts';
import { field } from '../form.ts';
import { shipmentListPage } from '../pages/shipment-list.ts';
import { countShipments, filterOf, listShipments, type ShipmentRow } from '../shipments.ts';
import type { Script } from '../visit.ts';

const pageSize = 20;

/** GET /shipments?q=&status=&page= */
export const showShipments: Script = async ({ request, database, frame, wantsHtml }) => {
  const filter = filterOf(request.query);
  const page = pageNumber(field(request.query, 'page'));
  const total = await countShipments(database, filter);
  const shipments = await listShipments(database, filter, { limit: pageSize, offset: (page - 1) * pageSize });
  if (!wantsHtml) return jsonAnswer(200, { shipments, total, page });
  const pages = Math.max(1, Math.ceil(total / pageSize));
  return htmlAnswer(200, shipmentListPage(frame, { shipments, total, page, pages, filter }));
};

/** GET /shipments.csv?q=&status= */
export const downloadShipments: Script = async ({ request, database }) =>
  csvAnswer('shipments.csv', await listShipments(database, filterOf(request.query)));

const csvColumns = [
  'id',
  'customer_id',
  'customer_name',
  'sender',
  'receiver',
  'receiver_phone',
  'shipment_status',
  'price',
  'estimated_arrival',
  'document',
  'created_at',
  'updated_at',
] as const satisfies readonly (keyof ShipmentRow)[];

/** RFC 4180; NULL is an empty field. */
function csvAnswer(filename: string, rows: readonly ShipmentRow[]): Answer {
  const lines = [csvColumns, ...rows.map((row) => csvColumns.map((column) => csvField(row[column])))];
  return {
    status: 200,
    headers: [
      ['Content-Type', 'text/csv; charset=utf-8'],
      ['Content-Disposition', `attachment; filename="${filename}"`],
    ],
    body: Buffer.from(lines.map((line) => `${line.join(',')}\r\n`).join('')),
  };
}

function csvField(value: string | number | null): string {
  const text = String(value ?? '');
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

function pageNumber(text: string): number {
  return /^[1-9]\d{0,8}$/.test(text) ? Number(text) : 1;
}
