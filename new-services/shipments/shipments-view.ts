import type { JsonObject } from '../../contract/json.ts';
import type { RecordedEvent } from '../../contract/recorded-event.ts';
import type { Database } from '../../runtime/sqlite.ts';
import type { Projection } from '../event-sourcing/projection.ts';
import { evolve, noShipment, type Shipment } from './decider/shipment.ts';
import { foldText } from './fold-text.ts';
import { shipmentKey } from './shipment-keys.ts';

/**
 * The read model of shipments, for queries and the legacy facade. One row per stream: the state as `evolve` gives it, beside the columns
 * that are searched, ordered or joined. Rows of records that do not exist (yet, or any more) hold the packing list items and notes that
 * came before them; no query shows them. Texts that may hold anything are stored as JSON: SQLite cuts plain text off at a NUL.
 */
export const shipmentsView: Projection = {
  name: 'shipments-view',
  version: 2,
  tables: `
    create table if not exists shipments (
      key integer primary key, version integer not null, existing integer not null, status text, customer_id text,
      search text, created_by text, updated_at text, state text not null
    );
    create index if not exists shipments_existing on shipments (existing, key);
    create index if not exists shipments_created_by on shipments (created_by) where created_by is not null;
    create table if not exists customers (id text primary key, name text not null);`,
  writer(database) {
    const applyToShipment = shipmentWriter(database);
    const applyToCustomer = customerWriter(database);
    return (event) => {
      const key = shipmentKey(event.meta.stream);
      if (key !== undefined) applyToShipment(key, event);
      else if (event.meta.stream.startsWith('customer-')) applyToCustomer(event);
    };
  },
};

interface StoredShipment {
  readonly state: string;
  readonly updated_at: string | null;
  readonly created_by: string | null;
}

function shipmentWriter(database: Database): (key: number, event: RecordedEvent) => void {
  const select = database.prepare('select state, updated_at, created_by from shipments where key = ?');
  const upsert = database.prepare('insert or replace into shipments values (?, ?, ?, ?, ?, ?, ?, ?, ?)');
  return (key, event) => {
    const stored = select.get(key) as StoredShipment | undefined;
    const before: Shipment = stored ? JSON.parse(stored.state) : noShipment;
    const after = evolve(before, event);
    const { version, occurredAt } = event.meta;
    const updatedAt = after.record === before.record ? (stored?.updated_at ?? null) : occurredAt;
    const createdBy = creatingCommand(event) ?? stored?.created_by ?? null;
    upsert.run(key, version, ...searchColumns(after), createdBy, updatedAt, JSON.stringify(after));
  };
}

function searchColumns({
  record,
}: Shipment): [existing: number, status: string | null, customer: string | null, search: string | null] {
  if (record.kind !== 'existing') return [0, null, null, null];
  const customerId = record.customerId === null ? null : String(record.customerId);
  return [1, record.status, customerId, `${foldText(record.sender)}\n${foldText(record.receiver)}`];
}

function creatingCommand({ action, parent, meta }: RecordedEvent): string | undefined {
  return action === 'shipment-created' && meta.origin === 'new' ? parent : undefined;
}

function customerWriter(database: Database): (event: RecordedEvent) => void {
  const upsert = database.prepare('insert or replace into customers values (?, ?)');
  const remove = database.prepare('delete from customers where id = ?');
  const rename = (id: string, { name }: JsonObject) => {
    if (typeof name === 'string') upsert.run(id, JSON.stringify(name));
  };
  return ({ action, data, meta }) => {
    const id = meta.stream.slice('customer-'.length);
    if (action === 'customer-deleted') remove.run(id);
    else if (/^customer-(imported|created|changed)$/.test(action)) rename(id, data);
  };
}
