import { rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { dataDirectory, readIfThere } from './data-directory.ts';
import { openSystem, type System } from './system.ts';

/** How a gateway's admin API is reached. */
export interface AdminAccess {
  readonly adminToken: string;
  readonly addresses: { readonly admin: string };
}

const rememberedAccess = z.object({ adminToken: z.string(), addresses: z.object({ admin: z.string() }) });

/** Keeps how the gateway that starts here is reached, for its owner only; gives back how to forget it. */
export function rememberGateway({ dataDir, adminToken, addresses }: System): () => void {
  const path = accessPath(dataDir);
  const access: AdminAccess = { adminToken, addresses: { admin: addresses.admin } };
  rmSync(path, { force: true });
  writeFileSync(path, `${JSON.stringify(access)}\n`, { mode: 0o600 });
  return () => rmSync(path, { force: true });
}

/**
 * How the gateway that runs by a configuration is reached: as it was started, whatever stands in the files now; else as the files say. Throws
 * ConfigError where none runs and the files cannot be used.
 */
export function runningGateway(configPath: string): AdminAccess {
  const remembered = readIfThere(accessPath(dataDirectory(resolve(configPath))));
  const read = remembered === undefined ? undefined : rememberedAccess.safeParse(parsed(remembered));
  return read?.success ? read.data : openSystem(configPath);
}

function accessPath(dataDir: string): string {
  return join(dataDir, 'gateway.json');
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
