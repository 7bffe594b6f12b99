/** A managed database: there is no SUPER, settings are changed elsewhere than by SQL, and binlogs are kept by another rule. */
export interface Managed {
  readonly name: string;
  /** Where a server variable is set. */
  readonly settings: string;
  /** How binlogs are kept for a week; undefined where the server variable counts. */
  readonly retention: string | undefined;
}

const rdsRetention = "CALL mysql.rds_set_configuration('binlog retention hours', 168)";

/** How each tells itself from a server of one's own, by its global variables. */
const known: readonly (Managed & { readonly is: (variables: ReadonlyMap<string, string>) => boolean })[] = [
  {
    name: 'Amazon Aurora',
    settings: 'the DB cluster parameter group',
    retention: rdsRetention,
    is: (variables) => variables.has('aurora_version'),
  },
  {
    name: 'Amazon RDS',
    settings: 'the DB parameter group',
    retention: rdsRetention,
    is: (variables) => /^\/rdsdb/.test(variables.get('datadir') ?? ''),
  },
  {
    name: 'Google Cloud SQL',
    settings: 'the flags of the instance, with point-in-time recovery on',
    retention: undefined,
    is: (variables) => /google/i.test(`${variables.get('version')} ${variables.get('version_comment')}`),
  },
  {
    name: 'Azure Database',
    settings: 'the server parameters',
    retention: undefined,
    is: (variables) => [...variables.keys()].some((name) => /^(aad_auth|azure_)/.test(name)),
  },
];

/** Who runs the server, where that can be told. */
export function managedBy(variables: ReadonlyMap<string, string>): Managed | undefined {
  return known.find(({ is }) => is(variables));
}
