import type { z } from 'zod';
import { type Answer, emptyAnswer, jsonAnswer, withHeaders } from '../answer.ts';
import type { Database, Row } from '../database.ts';
import { LegacyError, notFound } from '../errors.ts';
import { found, recordId, type Script, type Visit } from '../visit.ts';
import type { Body, Columns, Resource } from './resources.ts';

/** GET /:resource/:id of a resource that has no page of its own. */
export function showRow(resource: Resource): Script {
  return async (visit) => jsonAnswer(200, found(await selectRow(visit.database, resource, recordId(visit))));
}

/** GET /:resource of a resource that has no page of its own: the newest thousand rows. */
export function listRows({ table }: Resource): Script {
  return async ({ database }) =>
    jsonAnswer(200, { [table]: await database.rows(`SELECT * FROM ${table} ORDER BY id DESC LIMIT ${listLimit}`) });
}

const listLimit = 1000;

/** POST /:resource → 201 with the row and its address. */
export function createRow(resource: Resource): Script {
  return async ({ request, database, frame }) => {
    const columns = readColumns(request, resource.creation);
    const names = [...Object.keys(columns), ...(resource.dated ? ['created_at'] : [])];
    const values = [...Object.keys(columns).map(() => '?'), ...(resource.dated ? ['NOW()'] : [])];
    const { insertId } = await database.write(
      `INSERT INTO ${resource.table} (${names.join(', ')}) VALUES (${values.join(', ')})`,
      Object.values(columns),
    );
    const answer = await rowAnswer(201, database, resource, insertId);
    return withHeaders(answer, [['Location', `${frame.origin}/${resource.table}/${insertId}`]]);
  };
}

/** PUT /:resource/:id sets the columns that the body names → 200 with the row. */
export function changeRow(resource: Resource): Script {
  return async (visit) => {
    const id = recordId(visit);
    const columns = readColumns(visit.request, resource.change);
    const assignments = Object.keys(columns).map((name) => `${name} = ?`);
    const { matched } = await visit.database.write(
      `UPDATE ${resource.table} SET ${assignments.join(', ')} WHERE id = ?`,
      [...Object.values(columns), id],
    );
    if (matched === 0) throw notFound();
    return rowAnswer(200, visit.database, resource, id);
  };
}

/** DELETE /:resource/:id deletes this row alone → 204. */
export function deleteRow({ table }: Resource): Script {
  return async (visit) => {
    const { matched } = await visit.database.write(`DELETE FROM ${table} WHERE id = ?`, [recordId(visit)]);
    if (matched === 0) throw notFound();
    return emptyAnswer(204);
  };
}

async function rowAnswer(status: number, database: Database, resource: Resource, id: number): Promise<Answer> {
  return jsonAnswer(status, found(await selectRow(database, resource, id)));
}

function selectRow(database: Database, { table }: Resource, id: number): Promise<Row | undefined> {
  return database.row(`SELECT * FROM ${table} WHERE id = ?`, [id]);
}

/**
 * The body's columns. Throws `unsupported-media-type` without a JSON body, else `bad-field` with everything that is
 * wrong.
 */
function readColumns(request: Visit['request'], schema: z.ZodType<Body>): Columns {
  if (!request.is('json'))
    throw new LegacyError('unsupported-media-type', 'expected a JSON body with content type application/json');
  const parsed = schema.safeParse(request.body);
  if (parsed.success) return parsed.data as Columns;
  throw new LegacyError('bad-field', parsed.error.issues.map(sentence).join('; '));
}

function sentence({ path, message }: z.core.$ZodIssue): string {
  return path.length === 0 ? message : `${path.join('.')}: ${message}`;
}
