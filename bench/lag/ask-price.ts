import { type Agent, get } from 'node:http';
import { json } from 'node:stream/consumers';

/** The price of a shipment as the new service tells it. Throws when it does not answer 200. */
export async function askPrice(
  agent: Agent,
  services: string,
  shipmentId: number | string,
  headers: Readonly<Record<string, string>> = {},
): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = { agent, headers: { accept: 'application/json', ...headers } };
    get(`${services}/shipments/${shipmentId}`, options, async (answer) => {
      const body = (await json(answer)) as { price: string };
      if (answer.statusCode === 200) resolve(body.price);
      else reject(new Error(`the new service answered ${answer.statusCode}: ${JSON.stringify(body)}`));
    }).once('error', reject);
  });
}
