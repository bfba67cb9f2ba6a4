import { headers, type NatsConnection } from 'nats';

/** As much of a reply as a caller reads. */
export interface SeenReply {
  readonly success: boolean;
  readonly instance_id?: string;
  readonly code?: string;
  readonly replayed?: boolean;
  readonly reassigned?: boolean;
  readonly degraded?: readonly string[];
}

/** What a caller saw of one request. */
export interface Answer {
  readonly gameId: string;
  /** Undefined where none came within the caller's patience. */
  readonly reply: SeenReply | undefined;
  readonly ms: number;
}

/** Longer than any reply may take, so that a late one shows as late and not as missing. */
const PATIENCE_MS = 2000;

/** What a caller says that is in no hurry, where a test is about something else than time. */
export const PATIENT_TIMEOUT_MS = 8000;

/** Asks for one game; as a NATS client that knows nothing of this project, unless it says how long it waits. */
export async function assignOverNats(
  nats: NatsConnection,
  gameId: string,
  timeoutMs?: number,
  subject = 'game.assign.request',
): Promise<Answer> {
  const startedAt = performance.now();
  const said = headers();
  if (timeoutMs !== undefined) said.set('Timeout-Ms', String(timeoutMs));
  const options = { timeout: (timeoutMs ?? 0) + PATIENCE_MS, ...(timeoutMs !== undefined && { headers: said }) };
  const payload = JSON.stringify({ game_id: gameId, settings: { resource_level: 'low' } });
  const message = await nats.request(subject, payload, options).catch(() => undefined);
  return { gameId, reply: message?.json<SeenReply>(), ms: performance.now() - startedAt };
}

/** The same over HTTPS, in the local stack without the S. */
export async function assignOverHttp(url: string, token: string, gameId: string): Promise<Answer> {
  const startedAt = performance.now();
  const response = await fetch(url, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'timeout-ms': String(PATIENT_TIMEOUT_MS) },
    body: JSON.stringify({ game_id: gameId }),
    signal: AbortSignal.timeout(10_000),
  });
  const reply = (await response.json()) as SeenReply;
  return { gameId, reply, ms: performance.now() - startedAt };
}

/** Asks for each game, `concurrency` at a time. */
export async function assignAll(
  nats: NatsConnection,
  gameIds: readonly string[],
  concurrency: number,
): Promise<readonly Answer[]> {
  const answers: Answer[] = [];
  const waiting = [...gameIds];
  async function caller(): Promise<void> {
    for (let gameId = waiting.shift(); gameId !== undefined; gameId = waiting.shift()) {
      answers.push(await assignOverNats(nats, gameId));
    }
  }
  await Promise.all(Array.from({ length: concurrency }, caller));
  return answers;
}

/**
 * Asks for all of the games at once, and for one whose outcome is unknown again, until each has an answer that is one.
 * `ask` says how; it has to be patient.
 */
export async function assignAtOnce(
  gameIds: readonly string[],
  ask: (gameId: string, index: number) => Promise<Answer>,
): Promise<readonly Answer[]> {
  async function askUntilKnown(gameId: string, index: number): Promise<Answer> {
    for (;;) {
      const answer = await ask(gameId, index);
      if (answer.reply?.code !== 'deadline_exceeded') return answer;
    }
  }
  return Promise.all(gameIds.map(askUntilKnown));
}

/** How many of the answers name each instance. */
export function perInstance(answers: readonly Answer[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { reply } of answers) {
    if (reply?.instance_id !== undefined) counts[reply.instance_id] = (counts[reply.instance_id] ?? 0) + 1;
  }
  return counts;
}

/** Ids that nothing has used before. */
export function newGames(count: number): string[] {
  const prefix = crypto.randomUUID();
  return Array.from({ length: count }, (_, index) => `${prefix}-${index}`);
}

/** How often each reply came: its failure code, `none`, or `success`. */
export function tally(answers: readonly Answer[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { reply } of answers) {
    const kind = reply === undefined ? 'none' : reply.success ? 'success' : (reply.code ?? 'no code');
    counts[kind] = (counts[kind] ?? 0) + 1;
  }
  return counts;
}

/**
 * The codes of failures other than `deadline_exceeded`: on a crowded machine any request may be out of time, which is
 * an honest answer and nothing that a test can rule out.
 */
export function refusals(answers: readonly Answer[]): readonly string[] {
  return Object.keys(tally(answers)).filter((kind) => kind !== 'success' && kind !== 'deadline_exceeded');
}

/** The quickest answer, ms: a limit that the code breaks is broken by each, one that the machine breaks only by some. */
export function fastest(answers: readonly Answer[]): number {
  return Math.min(...answers.map(({ ms }) => ms));
}
