import { type Database, inTransaction } from '../../runtime/sqlite.ts';
import { formatNewer, notALog } from '../errors.ts';

/** Version of the file's format, kept as `user_version`. */
const formatVersion = 1;
/** Marks the file as an event log of this program, kept as `application_id`: the bytes of "strg". */
const applicationId = 0x73747267;

/**
 * The tables, and what the file itself refuses whoever writes to it: an event that is changed or deleted, and one that is not
 * the next of its topic and its stream. `insert or replace` deletes without asking delete triggers, hence the last line of
 * `event_is_next`. `topic.head` is moved by nothing but an inserted event.
 */
const schema = `
create table topic (
  name text primary key,
  head integer not null
) strict, without rowid;

create table event (
  topic       text    not null,
  offset      integer not null,
  id          text    not null,
  parent      text    not null,
  stream      text    not null,
  version     integer not null,
  action      text    not null,
  data        text    not null,
  schema      integer not null,
  occurred_at text    not null,
  recorded_at text    not null,
  origin      text    not null,
  position    text,
  traceparent text,
  primary key (topic, offset),
  unique (topic, id),
  unique (topic, stream, version)
) strict;

create table cursor (
  name  text    primary key,
  value text    not null,
  topic text    not null,
  head  integer not null
) strict, without rowid;

create trigger event_is_next before insert on event when
  new.offset is not 1 + coalesce((select head from topic where name = new.topic), 0)
  or new.version is not 1 + coalesce((select max(version) from event where topic = new.topic and stream = new.stream), 0)
  or exists (select 1 from event where topic = new.topic and id = new.id)
begin select raise(abort, 'an event takes the next offset and version, and an id of its own'); end;

create trigger event_moves_head after insert on event
begin
  insert into topic (name, head) values (new.topic, new.offset)
  on conflict (name) do update set head = excluded.head;
end;

create trigger event_is_never_changed before update on event
begin select raise(abort, 'events are never changed'); end;

create trigger event_is_never_deleted before delete on event
begin select raise(abort, 'events are never deleted'); end;

create trigger head_only_advances before update on topic when new.name is not old.name or new.head is not old.head + 1
begin select raise(abort, 'the head of a topic only advances'); end;

create trigger topic_is_never_deleted before delete on topic
begin select raise(abort, 'topics are never deleted'); end;

pragma application_id = ${applicationId};
pragma user_version = ${formatVersion};
`;

const inspection = `
select
  (select application_id from pragma_application_id) as application,
  (select user_version from pragma_user_version) as version,
  (select count(*) from sqlite_schema) as tables`;

/**
 * What a file is: a log of this format, or empty. Reads only, in one snapshot, since another process may be giving it its schema.
 * Throws LogError `log-format-newer` or `not-a-log` for any other.
 */
export function inspectFormat(database: Database, path: string): 'current' | 'empty' {
  const found = database.prepare(inspection).get() as { application: number; version: number; tables: number };
  if (found.application === 0 && found.version === 0 && found.tables === 0) return 'empty';
  if (found.application !== applicationId) throw notALog(path, 'the SQLite database of another program');
  if (found.version > formatVersion) throw formatNewer(path, found.version, formatVersion);
  return 'current';
}

/** Gives an empty file the schema. Throws like `inspectFormat`. */
export function prepareFormat(database: Database, path: string): void {
  if (inspectFormat(database, path) === 'current') return;
  inTransaction(database, () => {
    if (inspectFormat(database, path) === 'empty') database.exec(schema);
  });
}
