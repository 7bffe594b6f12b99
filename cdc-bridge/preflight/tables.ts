import { columnsUsed, watchedColumns } from '../mapping/columns-used.ts';
import {
  keyColumns,
  type MappedTable,
  mappedTables,
  streamColumns,
  type TablesConfig,
} from '../mapping/table-mapping.ts';
import { isWalkable } from '../source/initial-snapshot/key-column.ts';
import type { LegacyDatabase, SqlRow } from '../source/legacy-database.ts';
import type { PreflightProblem } from './problem.ts';

interface Column {
  readonly name: string;
  readonly type: string;
}

/** Everything about the mapped tables that would make the mapping fail or lose changes. */
export async function checkTables(database: LegacyDatabase, tables: TablesConfig): Promise<PreflightProblem[]> {
  const mapped = mappedTables(tables);
  const names = new Set(mapped.map(([name]) => name));
  const perTable = await Promise.all(mapped.map(([name, table]) => checkTable(database, name, table)));
  return [
    ...perTable.flat(),
    ...(await checkCascades(database, names)),
    ...(await checkTriggers(database, names, tables)),
  ];
}

async function checkTable(database: LegacyDatabase, name: string, table: MappedTable): Promise<PreflightProblem[]> {
  const [found] = await database.query(
    'SELECT ENGINE AS engine, TABLE_TYPE AS type FROM information_schema.TABLES WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ?',
    [database.name, name],
  );
  if (!found) return [await missingTable(database, name)];
  if (found.type !== 'BASE TABLE')
    return [error('not-a-table', `${name} is a ${found.type}, expected a table: views are not in the binlog`, [])];
  const columns = await columnsOf(database, name);
  return [
    ...checkEngine(name, table, String(found.engine)),
    ...checkColumns(name, table, columns),
    ...checkWatched(name, table, columns),
    ...(await checkKey(database, name, table)),
  ];
}

async function missingTable(database: LegacyDatabase, name: string): Promise<PreflightProblem> {
  const rows = await database.query('SELECT TABLE_NAME AS name FROM information_schema.TABLES WHERE TABLE_SCHEMA = ?', [
    database.name,
  ]);
  const there = rows.map((row) => String(row.name)).join(', ') || 'none';
  return error(
    'missing-table',
    `table ${name} is mapped, but database ${database.name} has no such table; it has ${there}`,
    [`-- correct the name in the tables section, or: GRANT SELECT ON \`${database.name}\`.* TO CURRENT_USER`],
  );
}

async function columnsOf(database: LegacyDatabase, name: string): Promise<Column[]> {
  const rows = await database.query(
    'SELECT COLUMN_NAME AS name, DATA_TYPE AS type FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ? ORDER BY ORDINAL_POSITION',
    [database.name, name],
  );
  return rows.map((row) => ({ name: String(row.name), type: String(row.type).toLowerCase() }));
}

function checkEngine(name: string, table: MappedTable, engine: string): PreflightProblem[] {
  if (engine === 'InnoDB') return [];
  const snapshot = Object.values(table.events).some(({ op }) => op === 'r');
  const consequence = snapshot
    ? 'its initial snapshot cannot be tied to a binlog position'
    : 'its rows stay when a transaction is rolled back';
  return [
    {
      severity: snapshot ? 'error' : 'warning',
      code: 'table-engine',
      message: `table ${name} has engine ${engine}, expected InnoDB: ${consequence}`,
      fix: [`ALTER TABLE \`${name}\` ENGINE = InnoDB`],
    },
  ];
}

/** Columns that the columns section names, with the place where it does. */
function namedColumns(section: MappedTable['columns']): { path: string[]; column: string }[] {
  return Object.entries(section ?? {}).flatMap(([key, columns]) =>
    (Array.isArray(columns) ? columns : Object.keys(columns)).map((column) => ({ path: ['columns', key], column })),
  );
}

function checkColumns(name: string, table: MappedTable, columns: readonly Column[]): PreflightProblem[] {
  const known = new Map(columns.map((column) => [column.name, column.type]));
  const named = [...columnsUsed(table).filter(({ joined }) => joined === undefined), ...namedColumns(table.columns)];
  return named
    .filter(({ column }) => !known.has(column))
    .map(({ path, column }) => {
      const there = [...known.keys()].join(', ');
      const message = `${name}.${path.join('.')} names column ${column}, which table ${name} does not have; it has ${there}`;
      return error('missing-column', message, ['-- correct the name in the tables section']);
    });
}

/** A column that is part of the mapping but whose change alone would be no event, so that the new side would keep the old value. */
function checkWatched(name: string, table: MappedTable, columns: readonly Column[]): PreflightProblem[] {
  const watched = watchedColumns(table);
  if (!watched) return [];
  const { exclude = [], ignore = {} } = table.columns ?? {};
  const identity = [...keyColumns(table), ...streamColumns(table)];
  const passedOver = new Set([...watched, ...identity, ...exclude, ...Object.keys(ignore)]);
  const unwatched = columns.map((column) => column.name).filter((column) => !passedOver.has(column));
  if (unwatched.length === 0) return [];
  const message = `${name}: a change of ${unwatched.join(', ')} alone is no event, because no rule of op u looks at it`;
  const fix = [`-- name each under changed in a rule of ${name}, or under ${name}.columns.ignore with the reason`];
  return [{ severity: 'warning', code: 'column-unwatched', message, fix }];
}

/** The key must be one of the table's unique keys without NULL, or rows would share their events. */
async function checkKey(database: LegacyDatabase, name: string, table: MappedTable): Promise<PreflightProblem[]> {
  const rows = await database.query(
    `SELECT s.INDEX_NAME AS name, s.COLUMN_NAME AS col, s.NULLABLE AS nullable, s.SUB_PART AS part, c.DATA_TYPE AS type FROM information_schema.STATISTICS s
       JOIN information_schema.COLUMNS c USING (TABLE_SCHEMA, TABLE_NAME, COLUMN_NAME)
      WHERE s.TABLE_SCHEMA = ? AND s.TABLE_NAME = ? AND s.NON_UNIQUE = 0 ORDER BY s.INDEX_NAME, s.SEQ_IN_INDEX`,
    [database.name, name],
  );
  const key = keyColumns(table);
  const unique = [...new Set(rows.map((row) => row.name))]
    .map((index) => rows.filter((row) => row.name === index))
    .filter((index) => index.every(({ part }) => part === null));
  const match = unique.find((index) => sameColumns(index, key));
  if (!match) {
    const keys = unique.map((index) => `(${index.map(({ col }) => col).join(', ')})`).join(', ') || 'none';
    return [
      error('table-key', `${name}.key is (${key.join(', ')}), which is no unique key of the table; it has ${keys}`, [
        `ALTER TABLE \`${name}\` ADD UNIQUE KEY (${key.map((column) => `\`${column}\``).join(', ')})`,
      ]),
    ];
  }
  return match
    .filter(({ type, nullable }) => !isWalkable(String(type)) || nullable === 'YES')
    .map(({ col, type, nullable }) => {
      const found = nullable === 'YES' ? 'may be NULL' : `has type ${type}`;
      return error(
        'table-key',
        `${name}.key: column ${col} ${found}, expected a number, text, bytes or a date, NOT NULL`,
        ['-- choose another unique key'],
      );
    });
}

function sameColumns(index: readonly SqlRow[], key: readonly string[]): boolean {
  return index.length === key.length && key.every((column) => index.some(({ col }) => col === column));
}

/** Rows that a foreign key changes by itself are in the binlog only where it is the SQL layer that changes them: MySQL from 9.6 on. */
async function checkCascades(database: LegacyDatabase, mapped: ReadonlySet<string>): Promise<PreflightProblem[]> {
  const [native] = await database.query("SHOW GLOBAL VARIABLES LIKE 'innodb_native_foreign_keys'");
  if (native?.Value === 'OFF') return [];
  const rows = await database.query(
    `SELECT CONSTRAINT_NAME AS name, TABLE_NAME AS child, REFERENCED_TABLE_NAME AS parent, DELETE_RULE AS on_delete, UPDATE_RULE AS on_update
       FROM information_schema.REFERENTIAL_CONSTRAINTS WHERE CONSTRAINT_SCHEMA = ?`,
    [database.name],
  );
  return rows
    .filter(({ child, on_delete, on_update }) => mapped.has(String(child)) && [on_delete, on_update].some(acts))
    .map(({ name, child, parent, on_delete, on_update }) => ({
      severity: 'warning',
      code: 'cascade',
      message: `foreign key ${name} changes rows of ${child} by itself when ${parent} changes (ON DELETE ${on_delete}, ON UPDATE ${on_update}); such changes are not in the binlog and give no events`,
      fix: [
        `ALTER TABLE \`${child}\` DROP FOREIGN KEY \`${name}\``,
        `-- then add it again with ON DELETE RESTRICT ON UPDATE RESTRICT`,
        `-- or have what such changes came to told from time to time: strangler cdc snapshot ${child}`,
      ],
    }));
}

/** What a trigger writes is in the binlog as any write is; it is of use only where the mapping knows the table that it writes to. */
async function checkTriggers(
  database: LegacyDatabase,
  mapped: ReadonlySet<string>,
  tables: TablesConfig,
): Promise<PreflightProblem[]> {
  const rows = await database.query(
    `SELECT TRIGGER_NAME AS name, EVENT_OBJECT_TABLE AS at, ACTION_STATEMENT AS body
       FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = ? ORDER BY TRIGGER_NAME`,
    [database.name],
  );
  return rows
    .filter(({ at }) => mapped.has(String(at)))
    .flatMap(({ name, at, body }) => {
      const unknown = writtenTables(String(body)).filter((table) => !(table in tables));
      if (unknown.length === 0) return [];
      const message = `trigger ${name} of ${at} writes to ${unknown.join(', ')}, which the tables section does not name: what it writes there gives no events`;
      return [
        {
          severity: 'warning',
          code: 'trigger',
          message,
          fix: ['-- name the table in the tables section, or ignore it there'],
        },
      ];
    });
}

/** The tables that a trigger's statements name as written to. */
function writtenTables(body: string): string[] {
  const names = body.matchAll(
    /\b(?:INSERT(?:\s+IGNORE)?\s+INTO|REPLACE\s+INTO|(?<!\bKEY\s+)UPDATE|DELETE\s+FROM)\s+(?:`?\w+`?\.)?`?(\w+)`?/gi,
  );
  return [...new Set([...names].map(([, name]) => name!))];
}

function acts(rule: unknown): boolean {
  return rule !== 'RESTRICT' && rule !== 'NO ACTION';
}

function error(code: string, message: string, fix: readonly string[]): PreflightProblem {
  return { severity: 'error', code, message, fix };
}
