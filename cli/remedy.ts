import { bridgeErrors } from '../cdc-bridge/errors.ts';
import { logErrors } from '../event-log/errors.ts';
import { servicesErrors } from '../new-services/errors.ts';

type Errors = Readonly<Record<string, { readonly remedy: string }>>;

/** Name of an error's class → what the part's list says to do about each code. */
const lists: Readonly<Record<string, Errors>> = {
  BridgeError: bridgeErrors,
  LogError: logErrors,
  ServicesError: servicesErrors,
};

/** What the operator should do about an error that ended a part; undefined for one that is in no list. */
export function remedyOf({ name, code }: Error & { code?: string }): string | undefined {
  return lists[name]?.[code ?? '']?.remedy;
}
