import { trimmedTopics } from '../../contract/log-address.ts';
import { type Database, inTransaction } from '../../runtime/sqlite.ts';
import { formatNewer, notALog } from '../errors.ts';

/** Version of the file's format, kept as `user_version`. 2 added leases, trimming, groups, notes, generations,
 * and topic `parked`. */
const formatVersion = 2;
/** Marks the file as an event log of this program, kept as `application_id`: the bytes of "strg". */
const applicationId = 0x73747267;

const trimmed = trimmedTopics.map((name) => `'${name}'`).join(', ');

/**
 * Generations of topic `domain` are topics here: `domain` the first, `domain.2` the second, while `generation` tells which of them is which.
 * `topic.tail` is the last offset that was trimmed, `topic.bytes` the payload that a trimmed topic holds, and `trimmed_stream` the last
 * version of each stream that was trimmed, so that offsets and versions go on counting.
 */
const addedByFormat2 = `
create table lease (
  name       text    primary key,
  epoch      integer not null,
  holder     text    not null,
  until      integer not null
) strict, without rowid;

create table note (
  scope text not null,
  name  text not null,
  value text not null,
  primary key (scope, name)
) strict, without rowid;

create table trimmed_stream (
  topic   text    not null,
  stream  text    not null,
  version integer not null,
  primary key (topic, stream)
) strict, without rowid;

create table generation (
  number integer primary key,
  state  text    not null check (state in ('old', 'current', 'building', 'discarded'))
) strict;
create unique index one_is_current on generation (state) where state = 'current';
create unique index one_is_building on generation (state) where state = 'building';
insert into generation (number, state) values (1, 'current');
`;

const tables = `
create table topic (
  name  text primary key,
  head  integer not null,
  tail  integer not null default 0,
  bytes integer not null default 0
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
  group_id    text,
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
${addedByFormat2}`;

/**
 * What the file itself refuses whoever writes to it: an event that is changed, one that is deleted from elsewhere than the front of a
 * trimmed topic, and one that is not the next of its topic and its stream. `insert or replace` deletes without asking delete triggers,
 * hence the last line of `event_is_next`. Head and tail of a topic are moved by nothing but an event that is inserted or deleted.
 */
const triggers = `
create trigger event_is_next before insert on event when
  new.offset is not 1 + coalesce((select head from topic where name = new.topic), 0)
  or new.version is not 1 + coalesce(
    (select max(version) from event where topic = new.topic and stream = new.stream),
    (select version from trimmed_stream where topic = new.topic and stream = new.stream), 0)
  or exists (select 1 from event where topic = new.topic and id = new.id)
begin select raise(abort, 'an event takes the next offset and version, and an id of its own'); end;

create trigger event_moves_head after insert on event
begin
  insert into topic (name, head, bytes)
  values (new.topic, new.offset, iif(new.topic in (${trimmed}), octet_length(new.data), 0))
  on conflict (name) do update set head = excluded.head, bytes = bytes + excluded.bytes;
end;

create trigger event_is_never_changed before update on event
begin select raise(abort, 'events are never changed'); end;

create trigger event_is_never_deleted before delete on event when
  old.topic not in (${trimmed})
    and not exists (select 1 from generation where state = 'discarded' and old.topic = 'domain.' || number)
  or old.offset is not 1 + (select tail from topic where name = old.topic)
begin select raise(abort, 'events are never deleted'); end;

create trigger event_moves_tail after delete on event
begin
  update topic set tail = old.offset, bytes = max(0, bytes - octet_length(old.data)) where name = old.topic;
  insert into trimmed_stream (topic, stream, version) values (old.topic, old.stream, old.version)
  on conflict (topic, stream) do update set version = excluded.version;
end;

create trigger head_only_advances before update on topic when
  new.name is not old.name
  or not (new.head is old.head + 1 and new.tail is old.tail
    or new.head is old.head and new.tail is old.tail + 1 and new.tail <= new.head
      and not exists (select 1 from event where topic = old.name and offset = new.tail))
begin select raise(abort, 'the head of a topic only advances'); end;

create trigger topic_is_never_deleted before delete on topic
begin select raise(abort, 'topics are never deleted'); end;

create trigger epoch_only_advances before update on lease when
  new.name is not old.name or new.epoch not in (old.epoch, old.epoch + 1)
begin select raise(abort, 'the epoch of a lease only advances'); end;

create trigger lease_is_never_deleted before delete on lease
begin select raise(abort, 'leases are never deleted'); end;

create trigger generation_is_next before insert on generation when
  new.number is not 1 + (select max(number) from generation) or new.state is not 'building'
begin select raise(abort, 'a generation takes the next number and is to be built'); end;

create trigger generation_moves_on before update on generation when
  new.number is not old.number
  or (old.state, new.state) not in (values ('building', 'current'), ('building', 'discarded'), ('current', 'old'))
begin select raise(abort, 'a generation is built, then current, then old'); end;

create trigger generation_is_never_deleted before delete on generation
begin select raise(abort, 'generations are never deleted'); end;
`;

const marks = `
pragma application_id = ${applicationId};
pragma user_version = ${formatVersion};
`;

/** Format 1 kept parked changes in topic `row-changes`, and nothing else there; that topic is trimmed now, parked changes never. */
const fromFormat1 = `
drop trigger event_is_next;
drop trigger event_moves_head;
drop trigger event_is_never_changed;
drop trigger event_is_never_deleted;
drop trigger head_only_advances;
drop trigger topic_is_never_deleted;
alter table topic add column tail integer not null default 0;
alter table topic add column bytes integer not null default 0;
alter table event add column group_id text;
update event set topic = 'parked' where topic = 'row-changes';
update topic set name = 'parked' where name = 'row-changes';
${addedByFormat2}${triggers}${marks}`;

const inspection = `
select
  (select application_id from pragma_application_id) as application,
  (select user_version from pragma_user_version) as version,
  (select count(*) from sqlite_schema) as tables`;

/** What a file is to this program. */
type Found = 'empty' | 'older' | 'current';

/**
 * What a file is: a log of this format, of an older one, or empty. Reads only, in one snapshot, since another process may be giving it its
 * schema. Throws LogError `log-format-newer` or `not-a-log` for any other.
 */
export function inspectFormat(database: Database, path: string): Found {
  const found = database.prepare(inspection).get() as { application: number; version: number; tables: number };
  if (found.application === 0 && found.version === 0 && found.tables === 0) return 'empty';
  if (found.application !== applicationId) throw notALog(path, 'the SQLite database of another program');
  if (found.version > formatVersion) throw formatNewer(path, found.version, formatVersion);
  return found.version === formatVersion ? 'current' : 'older';
}

/** Gives an empty file the schema, and an older one what it lacks, in one transaction each. Throws like `inspectFormat`. */
export function prepareFormat(database: Database, path: string): void {
  if (inspectFormat(database, path) === 'current') return;
  const scripts: Record<Found, string> = { empty: tables + triggers + marks, older: fromFormat1, current: '' };
  inTransaction(database, () => database.exec(scripts[inspectFormat(database, path)]));
}
