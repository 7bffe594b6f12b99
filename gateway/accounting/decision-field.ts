import type { Decision } from '../routing/decision.ts';
import { reasonText } from '../routing/reasons.ts';

/** By this field, with value 1, a caller asks why its request goes where it goes. */
const askingField = 'strangler-explain';

/** Fields by which a proxy tells that it asks for somebody else. */
const forwardingFields = ['x-forwarded-for', 'forwarded', 'x-real-ip', 'via'];

/** What is looked at of the request. */
interface Asking {
  readonly peerTrusted: boolean;
  header(lowerName: string): string | undefined;
}

/**
 * The field that tells a decision, in the syntax of RFC 9651, a dictionary:
 * `side=new, route="GET /shipments/{id}", capability="shipments", stage=canary, reason="stage canary 25 %; …"`. Undefined for everybody but
 * a trusted peer that asks on its own behalf: what a trusted proxy passes on may have been asked for by its client.
 */
export function decisionField(asking: Asking, decision: Decision): readonly [name: string, value: string] | undefined {
  if (asking.header(askingField) !== '1' || !asking.peerTrusted) return undefined;
  if (forwardingFields.some((name) => asking.header(name) !== undefined)) return undefined;
  const { route, capability, stage, primary, reasons } = decision;
  const members = [
    `side=${primary}`,
    ...(route === undefined ? [] : [`route=${quoted(route)}`]),
    ...(capability === undefined ? [] : [`capability=${quoted(capability)}`]),
    ...(stage === undefined ? [] : [`stage=${stage.kind}`]),
    `reason=${quoted(reasons.map(reasonText).join('; ').replaceAll('→', '->'))}`,
  ];
  return ['Strangler-Decision', members.join(', ')];
}

/** A string of RFC 9651, or a display string where it holds more than ASCII: percent-encoded UTF-8. */
function quoted(text: string): string {
  if (/^[\x20-\x7e]*$/.test(text)) return `"${text.replace(/[\\"]/g, '\\$&')}"`;
  const bytes = [...Buffer.from(text)].map((byte) =>
    byte < 0x20 || byte > 0x7e || byte === 0x25 || byte === 0x22
      ? `%${byte.toString(16).padStart(2, '0')}`
      : String.fromCharCode(byte),
  );
  return `%"${bytes.join('')}"`;
}
