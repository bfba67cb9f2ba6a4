import type { Op } from '../api/op.ts';
import type { AllocatorClient, Answer, ClientOptions } from './allocator-client.ts';
import { noAnswerInTime, ownFailure, readAnswer, toError } from './answers.ts';
import { createClient, type Question } from './create-client.ts';

/** As much of a connection as is used, so that any version of `nats` or `@nats-io/transport-*` will do. */
export interface NatsConnectionLike<H> {
  request(
    subject: string,
    payload: Uint8Array,
    options: { timeout: number; headers?: H },
  ): Promise<{ readonly data: Uint8Array }>;
}

export interface NatsClientOptions<H> extends ClientOptions {
  /** Yours: it is neither closed nor reconnected here. */
  readonly connection: NatsConnectionLike<H>;
  /** `headers` of the package that the connection is from. */
  readonly headers: () => H;
  /** Subjects that are not the default ones (`game.<operation>.request`), as in the allocator's `SERVICES`. */
  readonly subjects?: Partial<Record<Op, string>>;
}

/** Asks over NATS. */
export function createNatsClient<H extends { set(name: string, value: string): void }>({
  connection,
  headers: createHeaders,
  subjects,
  ...options
}: NatsClientOptions<H>): AllocatorClient {
  async function send({ op, request, headers, timeoutMs }: Question): Promise<Answer<Op>> {
    const subject = subjects?.[op] ?? `game.${op}.request`;
    try {
      const own = createHeaders();
      for (const [name, value] of Object.entries(headers)) own.set(name, value);
      const payload = new TextEncoder().encode(JSON.stringify(request));
      const { data } = await connection.request(subject, payload, { timeout: timeoutMs, headers: own });
      const answer = readAnswer(op, new TextDecoder().decode(data));
      if (answer !== undefined) return answer;
      const message = `What answers on ${subject} is not the allocator.`;
      return ownFailure('upstream_unavailable', message, new Error(message));
    } catch (thrown) {
      return explain(toError(thrown), subject, timeoutMs);
    }
  }

  return createClient(send, options);
}

/** By names and codes: 3.x has classes and names, 2.x one class and codes. */
function explain(error: Error, subject: string, timeoutMs: number) {
  const words = new Set<unknown>();
  for (let at: unknown = error; at instanceof Error; at = at.cause) {
    words.add(at.name);
    if ('code' in at) words.add(at.code);
  }
  const has = (...known: string[]) => known.some((word) => words.has(word));
  if (has('NoResponders', 'NoRespondersError', '503')) {
    return ownFailure('upstream_unavailable', `No relay listens on ${subject}.`, error);
  }
  if (has('TimeoutError', 'TIMEOUT')) return noAnswerInTime(timeoutMs, error);
  if (has('PermissionViolationError', 'PERMISSIONS_VIOLATION')) {
    return ownFailure('unauthorised', `NATS does not let this connection ask on ${subject}.`, error);
  }
  return ownFailure('upstream_unavailable', `NATS could not be asked: ${error.message}.`, error);
}
