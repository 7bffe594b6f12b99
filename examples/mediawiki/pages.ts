import { inflateRawSync } from 'node:zlib';
import type { FunctionEvent, FunctionInput } from '../../cdc-bridge/mapping/mapping-function.ts';
import type { Cell, Row, RowChange } from '../../cdc-bridge/mapping/row-change.ts';
import type { JsonObject } from '../../contract/json.ts';

type Rows = readonly RowChange[];

/** A page as the initial snapshot finds it. */
export function imported({ change }: FunctionInput): FunctionEvent {
  const page = change.after!;
  return { data: { ...place(page), ...size(page), 'revision-id': number(page.page_latest) } };
}

/** A page saved with new text: its first revision or a later one. */
export function saved({ change, transaction }: FunctionInput): FunctionEvent {
  const page = change.after!;
  const revision = created(transaction, 'revision', 'rev_id', page.page_latest);
  return {
    data: {
      ...place(page),
      ...size(page),
      'revision-id': number(page.page_latest),
      'previous-revision-id': number(revision.rev_parent_id) || null,
      minor: revision.rev_minor_edit === 1,
      text: textOf(transaction, page.page_latest),
      ...summary(transaction, commentOf(transaction, revision)),
      ...author(transaction, revision.rev_actor),
      'saved-at': text(revision.rev_timestamp),
    },
  };
}

/** A page under another title; the reason is what the log of the wiki was told. */
export function moved({ change, transaction }: FunctionInput): FunctionEvent {
  const { title, namespace } = place(change.before!);
  const from = { 'previous-title': title!, 'previous-namespace': namespace! };
  return { data: { ...place(change.after!), ...from, ...logged(transaction, change.after!, 'move') } };
}

export function deleted({ change, transaction }: FunctionInput): FunctionEvent {
  const page = change.before!;
  return { data: { ...place(page), ...logged(transaction, page, 'delete') } };
}

export function restored({ change, transaction }: FunctionInput): FunctionEvent {
  const page = change.after!;
  const revision = { 'revision-id': number(page.page_latest) };
  return { data: { ...place(page), ...size(page), ...revision, ...logged(transaction, page, 'delete') } };
}

export function categorized({ change }: FunctionInput): FunctionEvent {
  const { cl_to: category } = (change.after ?? change.before)!;
  return { data: { category: shown(category) } };
}

/** A title as the wiki shows it: its spaces are underscores in the database. */
function shown(title: Cell | undefined): string {
  return text(title).replaceAll('_', ' ');
}

function place(page: Row): JsonObject {
  return { title: shown(page.page_title), namespace: number(page.page_namespace) };
}

function size(page: Row): JsonObject {
  return { bytes: number(page.page_len), redirect: page.page_is_redirect === 1 };
}

/** Who did it and why, as the wiki's log was told in the same transaction; nothing where it was told nothing. */
function logged(transaction: Rows, page: Row, type: string): JsonObject {
  const entry = transaction.find(
    ({ table, op, after }) =>
      table === 'logging' && op === 'c' && after!.log_type === type && after!.log_page === page.page_id,
  )?.after;
  if (!entry) return {};
  return { ...reason(transaction, entry.log_comment_id), ...author(transaction, entry.log_actor) };
}

/** Before MediaWiki 1.40 a table of its own says which summary a revision has. */
function commentOf(transaction: Rows, revision: Row): Cell {
  if (revision.rev_comment_id !== 0) return revision.rev_comment_id!;
  return created(transaction, 'revision_comment_temp', 'revcomment_rev', revision.rev_id).revcomment_comment_id!;
}

/** The words, where they are new; else the stream `summary-…` told them before. */
function summary(transaction: Rows, id: Cell): JsonObject {
  return { 'summary-id': number(id), summary: wordsOf(transaction, id) };
}

function reason(transaction: Rows, id: Cell | undefined): JsonObject {
  return { 'reason-id': number(id), reason: wordsOf(transaction, id) };
}

function wordsOf(transaction: Rows, id: Cell | undefined): string | null {
  const comment = find(transaction, 'comment', 'comment_id', id);
  return comment ? text(comment.comment_text) : null;
}

/** The name, where it did something for the first time; else the stream `actor-…` told it before. */
function author(transaction: Rows, id: Cell | undefined): JsonObject {
  const actor = find(transaction, 'actor', 'actor_id', id);
  return { 'author-id': number(id), author: actor ? text(actor.actor_name) : null };
}

/** The text of a revision's main part, the one with the lowest role; null where the wiki keeps it outside of its database. */
function textOf(transaction: Rows, revision: Cell | undefined): string | null {
  const slots = transaction.filter(
    ({ table, op, after }) => table === 'slots' && op === 'c' && after!.slot_origin === revision,
  );
  const [main] = slots.map(({ after }) => after!).sort((a, b) => number(a.slot_role_id) - number(b.slot_role_id));
  const content = created(transaction, 'content', 'content_id', main?.slot_content_id);
  const [, id] = /^tt:(\d+)/.exec(text(content.content_address)) ?? [];
  return id === undefined ? null : unpacked(created(transaction, 'text', 'old_id', Number(id)));
}

/** `old_flags` says how the bytes are kept: `utf-8`, `utf-8,gzip`, `external,utf-8`. */
function unpacked({ old_text: bytes, old_flags: flags }: Row): string | null {
  const kept = text(flags).split(',');
  if (kept.includes('external')) return null;
  if (!kept.includes('utf-8')) throw new Error(`expected text in utf-8, found the flags ${text(flags)}`);
  const raw = Buffer.from(text(bytes), 'base64');
  return (kept.includes('gzip') ? inflateRawSync(raw) : raw).toString('utf8');
}

function find(transaction: Rows, name: string, key: string, value: Cell | undefined): Row | undefined {
  return transaction.find(({ table, op, after }) => table === name && op === 'c' && after![key] === value)?.after;
}

function created(transaction: Rows, name: string, key: string, value: Cell | undefined): Row {
  const row = find(transaction, name, key, value);
  if (!row) throw new Error(`the transaction created no row of ${name} with ${key} = ${JSON.stringify(value)}`);
  return row;
}

function text(cell: Cell | undefined): string {
  if (typeof cell === 'string') return cell;
  throw new Error(`expected a text, found ${JSON.stringify(cell)}`);
}

function number(cell: Cell | undefined): number {
  if (typeof cell === 'number') return cell;
  throw new Error(`expected a number, found ${JSON.stringify(cell)}`);
}
