import { bridgeErrors, bridgeProblems, parkingReasons } from '../../cdc-bridge/errors.ts';
import { logErrors } from '../../event-log/errors.ts';
import { adminErrors } from '../../gateway/admin/admin-errors.ts';
import { gatewayErrors } from '../../gateway/errors.ts';
import { servicesErrors } from '../../new-services/errors.ts';

interface Entry {
  readonly status?: number;
  readonly title: string;
  readonly remedy?: string;
}

/** docs/errors.md as the parts' own lists make it. */
export function errorsDocument(): string {
  return `# Errors

Every error has a stable code. HTTP errors are \`application/problem+json\` (RFC 9457) with the code in \`code\` and in \`type\`
(\`urn:strangler:problem:CODE\`); \`detail\` says what was found, what was expected and where. This page is made from the lists in the code
(\`npx vitest run test/cli/documents.test.ts -u\`).

${section('The gateway, to clients', gatewayErrors)}
${section("The gateway's admin API", adminErrors)}
${section('The bridge: what stops it', bridgeErrors)}
${section('The bridge, over HTTP', bridgeProblems)}
${section(
  'The bridge: why a row change is parked',
  Object.fromEntries(Object.entries(parkingReasons).map(([code, title]) => [code, { title }])),
)}
${section('The event log', logErrors)}
${section('The sample services', servicesErrors)}
## The command line

| code | what it means | what to do |
|---|---|---|
| \`config-invalid\` | The configuration has the problems listed, each with file, line and column. Exit status 2. | Correct each; \`strangler check\` runs only this. |
| \`command-failed\` | What was asked for could not be done; the message says why. Exit status 1. | As the message says; \`strangler doctor\` examines the surroundings. |
`;
}

function section(heading: string, entries: Readonly<Record<string, Entry>>): string {
  const withStatus = Object.values(entries).some(({ status }) => status !== undefined);
  const withRemedy = Object.values(entries).some(({ remedy }) => remedy !== undefined);
  const columns = ['code', ...(withStatus ? ['status'] : []), 'what it means', ...(withRemedy ? ['what to do'] : [])];
  const rows = Object.entries(entries).map(([code, { status, title, remedy }]) =>
    row([`\`${code}\``, ...(withStatus ? [String(status ?? '')] : []), title, ...(withRemedy ? [remedy ?? ''] : [])]),
  );
  return `## ${heading}\n\n${row(columns)}\n|${'---|'.repeat(columns.length)}\n${rows.join('\n')}\n`;
}

const row = (cells: readonly string[]) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
