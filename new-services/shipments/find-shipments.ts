import type { Database } from '../../runtime/sqlite.ts';
import type { PackingListItem, Shipment, ShipmentFields, ShipmentNote } from './decider/shipment.ts';
import { foldText } from './fold-text.ts';

/** A shipment as the view has it. */
export interface ShipmentRow {
  readonly key: number;
  /** Version of its stream. */
  readonly version: number;
  readonly fields: ShipmentFields;
  readonly customerName: string | null;
  readonly packingList: readonly PackingListItem[];
  readonly notes: readonly ShipmentNote[];
  /** Id of the command that created it; null for a legacy record. */
  readonly createdBy: string | null;
  /** When its record (not its packing list or notes) last changed, ISO 8601. */
  readonly updatedAt: string;
}

/** What a list is asked for: a page of 20, newest key first. */
export interface ListRequest {
  /** Text within sender or receiver; empty for all. */
  readonly search: string;
  /** Empty for all. */
  readonly status: string;
  /** From 1. */
  readonly page: number;
}

/** One page, and how many there are on all pages. */
export interface ShipmentList {
  readonly rows: readonly ShipmentRow[];
  readonly total: number;
}

/** Rows on a page, as legacy has it. */
export const pageSize = 20;

interface StoredRow {
  readonly key: number;
  readonly version: number;
  readonly state: string;
  /** As JSON. */
  readonly customer_name: string | null;
  readonly created_by: string | null;
  readonly updated_at: string;
}

const columns = 's.key, s.version, s.state, c.name as customer_name, s.created_by, s.updated_at';
const joined = 'shipments s left join customers c on c.id = s.customer_id';

/** The shipment with this key, unless it does not exist. */
export function findShipment(database: Database, key: number): ShipmentRow | undefined {
  const row = database.prepare(`select ${columns} from ${joined} where s.key = ? and s.existing = 1`).get(key);
  return row && shipmentRow(row as unknown as StoredRow);
}

/** The shipment that this command created. */
export function findShipmentCreatedBy(database: Database, commandId: string): ShipmentRow | undefined {
  const row = database
    .prepare(`select ${columns} from ${joined} where s.created_by = ? and s.existing = 1`)
    .get(commandId);
  return row && shipmentRow(row as unknown as StoredRow);
}

export function listShipments(database: Database, { search, status, page }: ListRequest): ShipmentList {
  const condition = `s.existing = 1 and (? = '' or s.status = ?) and instr(s.search, ?) > 0`;
  const values = [status, status, foldText(search)];
  const count = database.prepare(`select count(*) as total from shipments s where ${condition}`).get(...values);
  const rows = database
    .prepare(`select ${columns} from ${joined} where ${condition} order by s.key desc limit ? offset ?`)
    .all(...values, pageSize, (page - 1) * pageSize);
  return { rows: rows.map((row) => shipmentRow(row as unknown as StoredRow)), total: Number(count?.total) };
}

function shipmentRow(row: StoredRow): ShipmentRow {
  const { record, packingList, notes }: Shipment = JSON.parse(row.state);
  if (record.kind !== 'existing') throw new RangeError(`shipments view: row ${row.key} is listed but does not exist`);
  const { kind: _, ...fields } = record;
  return {
    key: row.key,
    version: row.version,
    fields,
    customerName: row.customer_name === null ? null : JSON.parse(row.customer_name),
    packingList,
    notes,
    createdBy: row.created_by,
    updatedAt: row.updated_at,
  };
}
