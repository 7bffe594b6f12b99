import { stringifySetCookie } from 'cookie';
import { htmlAnswer, withHeaders } from '../answer.ts';
import { LegacyError } from '../errors.ts';
import { field, fieldList } from '../form.ts';
import { logInPage } from '../pages/log-in.ts';
import { isPassword } from '../password.ts';
import { endSession, startSession } from '../session.ts';
import { redirectTo, type Script, type Visit } from '../visit.ts';

/** The cookies of a log-in; `last_seen` is kept once for each section of the site. */
const cookies = [
  { name: 'LEGACYSID', path: '/', httpOnly: true },
  { name: 'user', path: '/', httpOnly: false },
  { name: 'last_seen', path: '/shipments', httpOnly: false },
  { name: 'last_seen', path: '/customers', httpOnly: false },
] as const;

/** GET /login */
export const showLogIn: Script = async ({ request, frame }) =>
  htmlAnswer(200, logInPage(frame, localPath(field(request.query, 'next'))));

/** POST /login. The session gets a new id, so that one planted beforehand is worth nothing. */
export const logIn: Script = async (visit) => {
  const { request, database, session, frame } = visit;
  const user = await checkedUser(visit);
  const next = localPath(field(request.body, 'next'));
  if (user === undefined) {
    const message = 'Wrong user name or password.';
    if (!visit.wantsHtml) throw new LegacyError('log-in-required', message);
    return htmlAnswer(403, logInPage(frame, next, message));
  }
  if (session !== undefined) await endSession(database, session.id);
  const { id } = await startSession(database, user);
  const lastSeen = new Date().toISOString();
  const values = { LEGACYSID: id, user, last_seen: lastSeen };
  return withHeaders(
    redirectTo(visit, next),
    cookies.map(({ name, ...attributes }) => [
      'Set-Cookie',
      stringifySetCookie({ name, value: values[name], ...attributes }),
    ]),
  );
};

/** GET /logout */
export const logOut: Script = async (visit) => {
  if (visit.session !== undefined) await endSession(visit.database, visit.session.id);
  return withHeaders(
    redirectTo(visit, '/'),
    cookies.map(({ name, ...attributes }) => [
      'Set-Cookie',
      stringifySetCookie({ name, value: '', expires: new Date(0), ...attributes }),
    ]),
  );
};

/** The user's name as it is stored, or undefined when name or password is wrong. */
async function checkedUser({ request, database }: Visit): Promise<string | undefined> {
  const row = await database.row<{ name: string; password_hash: string }>(
    'SELECT name, password_hash FROM users WHERE name = ?',
    [field(request.body, 'user')],
  );
  const password = fieldList(request.body, 'password').at(-1) ?? '';
  return row !== undefined && (await isPassword(password, row.password_hash)) ? row.name : undefined;
}

/** A path of this site to go on to, or the first page: never another site. */
function localPath(text: string): string {
  return /^\/(?![/\\])[\x21-\x7e]*$/.test(text) ? text : '/';
}
