import type { FunctionEvent, FunctionInput } from '../../cdc-bridge/mapping/mapping-function.ts';

/** The roles that WordPress keeps as a serialized PHP array, `a:1:{s:6:"editor";b:1;}`: those that are true, in its order. */
export function rolesOf({ change }: FunctionInput): FunctionEvent {
  const serialized = change.after?.meta_value;
  if (typeof serialized !== 'string' || !/^a:\d+:\{(s:\d+:"[^"]*";b:[01];)*\}$/.test(serialized))
    throw new Error(`expected a serialized array of roles, found ${JSON.stringify(serialized)}`);
  const roles = [...serialized.matchAll(/"([^"]*)";b:1;/g)].map(([, role]) => role!);
  return { data: { roles } };
}
