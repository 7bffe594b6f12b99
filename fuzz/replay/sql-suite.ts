import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** The SQL files of a folder and those below: `.sql` scripts, and `.test` files of the MySQL and MariaDB test frameworks. */
export function suiteFiles(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.(sql|test)$/.test(name))
    .sort()
    .map((name) => join(folder, name));
}

/**
 * The statements of a file, each a text of latin1, which stands for its bytes. Of a test what is meant for the framework is left out: blocks are
 * run once, variables are none.
 */
export function statementsIn(path: string): string[] {
  const text = readFileSync(path, 'latin1');
  return path.endsWith('.test')
    ? statementsOf(withoutCommands(withIncludes(text, dirname(path))), frameworkWords)
    : scriptStatements(path, text);
}

/** A script may have a database of its own; here that is the one which is followed. */
const namesDatabase = /^(\/\*!\d*\s*)?(use|(create|drop)\s+(database|schema))\b/i;

/** `source other.sql` stands for what that file has. */
function scriptStatements(path: string, text: string): string[] {
  return statementsOf(text, noWords).flatMap((statement) => {
    if (namesDatabase.test(statement)) return [];
    const [, name] = /^(?:source|\\\.)\s+(\S+)$/i.exec(statement) ?? [];
    if (!name) return [statement];
    const other = join(dirname(path), name);
    return existsSync(other) ? statementsIn(other) : [];
  });
}

const noWords = /^(?!)/;
const frameworkWords =
  /^(let|while|if|source|connect|connection|disconnect|echo|error|inc|dec|sleep|real_sleep|reap|send_quit|replace_\w+|exec(?!ute\b)\w*|perl|(write|append|remove|copy|move|cat|diff|file|chmod|list)_files?\w*|mkdir|rmdir|(en|dis)able_\w+|die|exit|skip|save_master_pos|sync_\w+|wait_\w+|shutdown_server|send_shutdown|lowercase_result|sorted_result|query_\w+|horizontal_results|vertical_results|character_set|dirty_close|change_user|ping|output|assert|end|start_timer|end_timer|optimizer_trace|ps_\w+|result_format|view_protocol|lower\w*|remove_files_wildcard)\b/i;

/** What an included file may be without being tests of its own: conditions, waiting, replicas. */
const service =
  /(^|\/)(have|not|wait|count|check|default|master|slave|rpl|sync|start|stop|restart|kill|big|no|search|assert|begin|end|save|show|diff|galera|force|get|add|is|innodb_page|mysqld|expect|shutdown|crash|grep|daemonize)_?[^/]*$/;
const maxDepth = 4;

/** `--source suite/x/inc/y.inc` stands for what that file has; a test names it from the folder of all suites, or from its own. */
function withIncludes(text: string, folder: string, depth = 0): string {
  if (depth >= maxDepth) return text;
  return text.replace(/^[ \t]*(?:--)?[ \t]*source[ \t]+([\w./-]+?)[ \t]*;?[ \t]*$/gim, (_line, name: string) => {
    const path = service.test(name) ? undefined : foundAbove(folder, name);
    return path ? withIncludes(readFileSync(path, 'latin1'), folder, depth + 1) : '';
  });
}

function foundAbove(folder: string, name: string): string | undefined {
  const path = join(folder, name);
  if (existsSync(path)) return path;
  const above = dirname(folder);
  return above === folder ? undefined : foundAbove(above, name);
}

/** Lines that are the framework's alone: `--echo`, braces, heads of blocks, and files written in place. */
function withoutCommands(text: string): string {
  const kept: string[] = [];
  let until: string | undefined;
  for (const line of text.split('\n')) {
    const [, marker] = /^\s*(?:--\s*)?(?:perl|write_file|append_file)\b[^;]*?(\w*)\s*;?\s*$/i.exec(line) ?? [];
    if (until !== undefined) until = line.trim() === until ? undefined : until;
    else if (marker !== undefined) until = /^(EOF|END\w*|[A-Z]{2,})$/.test(marker) ? marker : 'EOF';
    else if (/^\s*--\s*delimiter\b/i.test(line)) kept.push(line.replace(/^\s*--\s*/, ''));
    else if (!/^\s*(--|[{}]\s*$|}?\s*(while|if)\s*\()/i.test(line))
      kept.push(line.replace(/^\s*(eval|send|query|query_vertical)\s+/i, ''));
  }
  return kept.join('\n');
}

/** Cuts at the delimiter outside quotes and comments; a line that sets another one counts from there. */
function statementsOf(text: string, left: RegExp): string[] {
  const statements: string[] = [];
  let delimiter = ';';
  let begin = 0;
  const take = (end: number) => {
    const statement = withoutComments(text.slice(begin, end)).trim();
    if (statement !== '' && !left.test(statement)) statements.push(statement);
  };
  for (let at = 0; at < text.length; ) {
    const changed =
      text.slice(begin, at).trim() === '' ? /^delimiter[ \t]+([^\r\n]+)/i.exec(text.slice(at, at + 80)) : null;
    if (changed) {
      const [whole, next] = changed as unknown as [string, string];
      const trimmed = next.trim();
      delimiter =
        trimmed.endsWith(delimiter) && trimmed !== delimiter ? trimmed.slice(0, -delimiter.length).trim() : trimmed;
      at += whole.length;
      begin = at;
    } else if (text.startsWith(delimiter, at)) {
      take(at);
      at += delimiter.length;
      begin = at;
    } else {
      at = behind(text, at);
    }
  }
  take(text.length);
  return statements;
}

/** Behind the quoted text or the comment that begins here, else behind the character. */
function behind(text: string, at: number): number {
  const character = text[at]!;
  if (character === "'" || character === '"' || character === '`') return behindQuoted(text, at, character);
  if (isLineComment(text, at)) return endOf(text, '\n', at);
  if (text.startsWith('/*', at)) return endOf(text, '*/', at);
  return at + 1;
}

function isLineComment(text: string, at: number): boolean {
  return text[at] === '#' || (text.startsWith('--', at) && /\s/.test(text[at + 2] ?? '\n'));
}

function endOf(text: string, mark: string, at: number): number {
  const end = text.indexOf(mark, at);
  return end < 0 ? text.length : end + mark.length;
}

function behindQuoted(text: string, at: number, quote: string): number {
  for (let next = at + 1; next < text.length; next++) {
    if (text[next] === '\\' && quote !== '`') next += 1;
    else if (text[next] === quote) return next + 1;
  }
  return text.length;
}

function withoutComments(statement: string): string {
  return statement.replace(/^(\s+|#[^\n]*(\n|$)|--(?=\s)[^\n]*(\n|$)|\/\*(?!!)[\s\S]*?\*\/)+/, '');
}
