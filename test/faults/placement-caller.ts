import { setTimeout as sleep } from 'node:timers/promises';
import { createInbox, headers, type NatsConnection } from 'nats';
import type { StackAddresses } from '../../dev/stack.ts';
import { type Answer, PATIENT_TIMEOUT_MS, type SeenReply } from '../e2e/load.ts';
import type { Checker } from './checker.ts';

/** Asks for games over either door, and has the checker see every request and every reply. */
export interface WatchedCaller {
  /** `timeoutMs`: how long the caller says that it waits; absent: it says nothing, which is half a second. */
  overNats(gameId: string, timeoutMs?: number): Promise<Answer>;
  overHttp(gameId: string, timeoutMs?: number): Promise<Answer>;
  close(): void;
}

const DEFAULT_TIMEOUT_MS = 500;
/** Longer than any reply may take, so that a late one shows as late and not as missing. */
const PATIENCE_MS = 3000;

export function createWatchedCaller(nats: NatsConnection, addresses: StackAddresses, checker: Checker): WatchedCaller {
  const inbox = createInbox();
  const waiting = new Map<string, (reply: SeenReply) => void>();
  const subscription = nats.subscribe(`${inbox}.*`, {
    callback(error, message) {
      if (error !== null) return;
      const id = message.subject.slice(inbox.length + 1);
      const reply = message.json<SeenReply>();
      checker.replied(id, reply, performance.now());
      waiting.get(id)?.(reply);
    },
  });

  function begin(gameId: string, timeoutMs: number) {
    const id = crypto.randomUUID();
    const startedAt = performance.now();
    checker.asked({ id, gameId, atMs: startedAt, timeoutMs, wantsReply: true });
    return { id, answer: (reply: SeenReply | undefined) => ({ gameId, reply, ms: performance.now() - startedAt }) };
  }

  return {
    async overNats(gameId, timeoutMs) {
      const { id, answer } = begin(gameId, timeoutMs ?? DEFAULT_TIMEOUT_MS);
      const said = headers();
      if (timeoutMs !== undefined) said.set('Timeout-Ms', String(timeoutMs));
      const replied = new Promise<SeenReply>((resolve) => waiting.set(id, resolve));
      nats.publish('game.assign.request', JSON.stringify({ game_id: gameId }), {
        reply: `${inbox}.${id}`,
        headers: said,
      });
      const given = new AbortController();
      const none = sleep((timeoutMs ?? DEFAULT_TIMEOUT_MS) + PATIENCE_MS, undefined, { signal: given.signal });
      const reply = await Promise.race([replied, none.catch(() => undefined)]);
      given.abort();
      waiting.delete(id);
      return answer(reply);
    },
    async overHttp(gameId, timeoutMs = PATIENT_TIMEOUT_MS) {
      const { id, answer } = begin(gameId, timeoutMs);
      const response = await fetch(addresses.assignUrl, {
        method: 'POST',
        headers: { authorization: `Bearer ${addresses.assignToken}`, 'timeout-ms': String(timeoutMs) },
        body: JSON.stringify({ game_id: gameId }),
        signal: AbortSignal.timeout(timeoutMs + PATIENCE_MS),
      });
      const reply = (await response.json()) as SeenReply;
      checker.replied(id, reply, performance.now());
      return answer(reply);
    },
    close: () => subscription.unsubscribe(),
  };
}
