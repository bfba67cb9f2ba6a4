import { headers, type NatsConnection } from 'nats';
import { PATIENT_TIMEOUT_MS } from './load.ts';

/** What a reply of any operation may have. */
export interface AnyReply {
  readonly success: boolean;
  readonly code?: string;
  readonly instance_id?: string;
  readonly replayed?: true;
  readonly expires_in_s?: number;
  readonly instance?: { readonly address: string };
  readonly instances?: readonly { readonly address: string }[];
}

/** Asks on `subject` as a caller that says that it waits for `timeoutMs`, and waits a little longer. */
export async function ask(
  nats: NatsConnection,
  subject: string,
  request: object,
  timeoutMs = PATIENT_TIMEOUT_MS,
): Promise<AnyReply> {
  const said = headers();
  said.set('Timeout-Ms', String(timeoutMs));
  const message = await nats.request(subject, JSON.stringify(request), { timeout: timeoutMs + 2000, headers: said });
  return message.json<AnyReply>();
}

/** Does `work` for each of `items`, by as many callers as `callers`, each of whom takes the next when it is done. */
export async function byCallers<T>(
  callers: number,
  items: readonly T[],
  work: (item: T) => Promise<void>,
): Promise<void> {
  const waiting = [...items].reverse();
  async function caller(): Promise<void> {
    for (let item = waiting.pop(); item !== undefined; item = waiting.pop()) await work(item);
  }
  await Promise.all(Array.from({ length: callers }, caller));
}
