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

pragma application_id = 1937011303;
pragma user_version = 1;
