import type { Problem } from '../../runtime/problem.ts';

/** Every error that the admin API answers with: its status, what it means, what the operator should do. Mirrored by docs/errors.md. */
export const adminErrors = {
  'token-required': {
    status: 401,
    title: 'The admin API needs its token.',
    remedy:
      'Send Authorization: Bearer TOKEN; the token is listeners.admin.token, or in .data when none is configured.',
  },
  'no-such-resource': {
    status: 404,
    title: 'The admin API has nothing at this path.',
    remedy: 'The paths are listed in gateway/admin/admin.ts; the method counts.',
  },
  'malformed-json': {
    status: 400,
    title: 'The request body is not JSON.',
    remedy: 'Correct the body; the detail says where reading stopped.',
  },
  'malformed-request': {
    status: 400,
    title: 'The request cannot be read.',
    remedy: 'Correct the path or the body encoding; the detail says what was found.',
  },
  'body-too-large': {
    status: 413,
    title: 'The request body is too large.',
    remedy: 'No request to the admin API needs more than 256 KiB.',
  },
  'invalid-body': {
    status: 400,
    title: 'The request body is not what this resource expects.',
    remedy: 'Correct the members that `problems` lists.',
  },
  'unknown-route': {
    status: 404,
    title: 'No route and no capability has this name.',
    remedy: 'GET /api/routes lists the names.',
  },
  'unknown-flag': {
    status: 404,
    title: 'No flag has this name.',
    remedy: 'GET /api/flags lists the names; to make a new flag that no route asks for, send "create": true.',
  },
  'invalid-flag-name': {
    status: 400,
    title: 'A flag cannot have this name.',
    remedy: 'Use 1 to 100 letters, digits, and . _ ~ - as Unleash does; not __proto__, constructor and the like.',
  },
  'flag-in-use': {
    status: 409,
    title: 'The flag is asked for.',
    remedy:
      'Take it out of the split, or out of the dependencies of the other flag, that the detail names; or switch it off.',
  },
  'nested-dependency': {
    status: 409,
    title: 'A flag can depend only on flags that depend on none.',
    remedy: 'Depend on the flag at the root.',
  },
  'unknown-segment': {
    status: 404,
    title: 'There is no such segment.',
    remedy: 'GET /api/segments lists names and ids; strategies name segments by id.',
  },
  'segment-in-use': {
    status: 409,
    title: 'Flags name the segment.',
    remedy: 'Take it out of the strategies of the flags that the detail names.',
  },
  'flags-elsewhere': {
    status: 409,
    title: 'The flags are kept by a real Unleash, not by this gateway.',
    remedy: 'Change them there, or remove `flags` from the configuration.',
  },
  'route-has-no-stage': {
    status: 409,
    title: 'This route has no stage: its split, or serve, alone decides.',
    remedy: 'Declare a rollout for it, or change its split or flag.',
  },
  'no-further-step': {
    status: 409,
    title: 'The route stands at the end of its steps in this direction.',
    remedy: 'Name the stage with "to"; retiring is done by name only.',
  },
  'changed-meanwhile': {
    status: 409,
    title: 'Somebody else changed it at the same time.',
    remedy: 'Look at where it stands now and decide again.',
  },
  'log-away': {
    status: 503,
    title: 'The event log does not answer, so nothing can be changed.',
    remedy: 'Traffic goes on by the last known state. In an emergency `strangler bypass on` needs no log.',
  },
  'configuration-refused': {
    status: 422,
    title: 'The configuration cannot be used; the one before goes on.',
    remedy: 'Correct what `problems` lists and reload, or restart the gateway where the detail says so.',
  },
  'nothing-to-reload': {
    status: 409,
    title: 'This gateway has its configuration from nowhere that could be read again.',
    remedy: 'Restart it with another configuration.',
  },
  'bypass-not-kept': {
    status: 500,
    title: 'Bypass is switched, but not in its file.',
    remedy: 'It counts until this gateway ends; a restart goes by the file. Make room on the disk and switch again.',
  },
  'admin-failed': {
    status: 500,
    title: 'The admin API failed.',
    remedy: 'A defect of the gateway: report it with the log line of this moment.',
  },
} as const satisfies Record<string, { status: number; title: string; remedy: string }>;

export type AdminErrorCode = keyof typeof adminErrors;

/** An error of the admin API: a code of the list, what was found and what was expected, and facts for programs. */
export class AdminError extends Error {
  override readonly name = 'AdminError';
  readonly code: AdminErrorCode;
  readonly facts: Readonly<Record<string, unknown>>;
  constructor(code: AdminErrorCode, detail: string, facts: Readonly<Record<string, unknown>> = {}) {
    super(detail);
    this.code = code;
    this.facts = facts;
  }

  /** As the client is shown it. */
  get problem(): Problem {
    const { status, title } = adminErrors[this.code];
    return { status, code: this.code, title, detail: this.message, ...this.facts };
  }
}
