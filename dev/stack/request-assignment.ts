import { headers, type NatsConnection } from 'nats';

export type AssignReply =
  | { readonly success: true; readonly instance_id: string; readonly port?: number; readonly replayed?: true }
  | { readonly success: false; readonly message: string; readonly code: string; readonly retryable: boolean };

/** More than the product's default of half a second: a first request after a start is cold, on a machine that is busy. */
const TIMEOUT_MS = 3000;

/** One request over NATS. No answer at all is a reply as well: `no_reply`, made here. */
export async function requestAssignment(
  connection: NatsConnection,
  gameId: string,
  level?: string,
): Promise<AssignReply> {
  const settings = level === undefined ? {} : { settings: { resource_level: level } };
  const own = headers();
  own.set('Timeout-Ms', String(TIMEOUT_MS));
  try {
    const body = JSON.stringify({ game_id: gameId, ...settings });
    const reply = await connection.request('game.assign.request', body, { timeout: TIMEOUT_MS, headers: own });
    return reply.json<AssignReply>();
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return { success: false, message: `No relay answered: ${why}.`, code: 'no_reply', retryable: true };
  }
}
