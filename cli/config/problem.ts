/** Where in a configuration: keys and list indices from the root. */
export type Path = readonly (string | number)[];

/** One thing that is wrong with a configuration, and where. */
export interface ConfigProblem {
  readonly file: string;
  /** From 1. */
  readonly line: number;
  /** From 1. */
  readonly column: number;
  readonly path: Path;
  readonly message: string;
  /** What was probably meant, or what to do. */
  readonly hint?: string;
}

/** `strangler.yaml:12:5 capabilities.shipments.splitt: unknown key — did you mean "split"?` */
export function formatProblem({ file, line, column, path, message, hint }: ConfigProblem): string {
  const where = path.length > 0 ? ` ${path.join('.')}:` : '';
  return `${file}:${line}:${column}${where} ${message}${hint ? ` — ${hint}` : ''}`;
}

/** A configuration that cannot be used; carries every problem. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly code = 'config-invalid';
  readonly problems: readonly ConfigProblem[];
  constructor(problems: readonly ConfigProblem[]) {
    super(problems.map(formatProblem).join('\n'));
    this.problems = problems;
  }
}
