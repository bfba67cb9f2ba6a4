import type { AllocatorClient } from '../../lib/client/allocator-client.ts';
import { createHttpClient } from '../../lib/client/http-client.ts';
import { createNatsClient } from '../../lib/client/nats-client.ts';
import type { Io } from './command.ts';
import { type DoorValues, findDoor, timeoutOf } from './find-door.ts';

export interface Door {
  readonly client: AllocatorClient;
  close(): Promise<void>;
}

/** The allocator as the options and the environment say. Throws CannotGoOn where NATS cannot be had. */
export async function openDoor(values: DoorValues, { env }: Io): Promise<Door> {
  const timeoutMs = timeoutOf(values);
  const address = await findDoor(values, env);
  if (address.kind === 'http') {
    const { url, token } = address;
    const client = createHttpClient({ url, timeoutMs, ...(token !== undefined && { token }) });
    return { client, close: () => Promise.resolve() };
  }
  const { connectNats, headers } = await import('./connect.ts'); // --help and HTTPS need no NATS
  const connection = await connectNats(address.url, env, { timeoutMs });
  return { client: createNatsClient({ connection, headers, timeoutMs }), close: () => connection.close() };
}
