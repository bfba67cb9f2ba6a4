import { createHandler, type HttpAnswer } from '../../lib/adapters/lambda/create-handler.ts';
import { batchRoute } from '../../lib/adapters/lambda/routes.ts';
import { createAllocate } from '../../lib/api/operations.ts';
import type { Outcome, ServiceRequest } from '../../lib/app/service-requests.ts';
import type { Instance } from '../../lib/domain/fleet.ts';
import type { Endpoint } from '../../lib/relay/endpoints.ts';
import { createForward, createPost } from '../../lib/relay/forward.ts';
import { createRelay } from '../../lib/relay/relay.ts';
import { fakeLog, fakeMessage } from '../relay/fake-message.ts';
import { httpEvent, lambdaContext, NOW_MS } from '../support/fakes.ts';

/** A message as a caller sends it, and what the version that a fixture is of made of it on both sides of the wire. */
export interface Exchange {
  readonly name: string;
  readonly endpoint: Pick<Endpoint, 'op' | 'service'>;
  readonly headers: Readonly<Record<string, string>>;
  /** The caller's own JSON. */
  readonly payload: unknown;
  /** The body of the relay's POST. */
  readonly request: string;
  /** The body of the function's answer to that. */
  readonly answer: string;
  /** What the relay replied with that answer. */
  readonly reply: unknown;
}

export type Message = Pick<Exchange, 'name' | 'endpoint' | 'headers' | 'payload'>;

/** Replies of every shape come from these games; the others are placed. */
const OUTCOMES: Readonly<Record<string, Outcome>> = {
  replayed: assigned({ replayed: true }),
  reassigned: assigned({ reassigned: true }),
  degraded: assigned({ degraded: ['consul', 'prometheus'] }),
  portless: assigned({ port: undefined }),
  full: { kind: 'no_capacity' },
  empty: { kind: 'no_instance' },
  foreign: { kind: 'conflict' },
  missing: { kind: 'not_found' },
  down: { kind: 'upstream_unavailable' },
  late: { kind: 'deadline_exceeded' },
};

const INSTANCE: Instance = {
  id: '10.0.0.3',
  restPort: 8080,
  grpcPort: 9090,
  status: 'eligible',
  cpuCores: 4,
  memoryBytes: 8e9,
  tags: [],
  meta: {},
};

/** The messages of a fixture: each operation, each setting, and an outcome of each kind. */
export const MESSAGES: readonly Message[] = [
  message('assign', { game_id: 'plain' }),
  message(
    'assign with all settings',
    {
      game_id: 'ё-1',
      settings: {
        resource_level: 'high',
        cpu_cores: 0.5,
        memory_bytes: 1e8,
        exact: true,
        require: { region: 'eu', gpu: true },
        prefer: { zone: 'a' },
      },
      further: 1,
    },
    { op: 'assign' },
    { 'timeout-ms': '2000', traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01' },
  ),
  ...Object.keys(OUTCOMES).map((name) => message(`assign: ${name}`, { game_id: name })),
  message('lookup', { game_id: 'plain' }, { op: 'lookup' }),
  message('lookup: missing', { game_id: 'missing' }, { op: 'lookup' }),
  message('renew', { game_id: 'plain' }, { op: 'renew' }),
  message('release', { game_id: 'plain' }, { op: 'release' }),
  message('instance', { resource_type: 'ram' }, { op: 'instance' }),
  message('instances of another service', {}, { op: 'instances', service: 'ai-service' }),
];

function message(
  name: string,
  payload: unknown,
  endpoint: Message['endpoint'] = { op: 'assign' },
  headers = {},
): Message {
  return { name, endpoint, headers, payload };
}

function assigned(parts: Partial<Extract<Outcome, { kind: 'assigned' }>>): Outcome {
  return {
    kind: 'assigned',
    instanceId: '10.0.0.3',
    port: 5002,
    replayed: false,
    reassigned: false,
    degraded: [],
    ...parts,
  };
}

/** Lets today's relay forward the message, to a function that answers its POST with `answer`. */
export async function relayed(
  { endpoint, headers, payload }: Message,
  answer: (request: string) => string | Promise<string>,
) {
  const posted: string[] = [];
  const { log } = fakeLog();
  const post = createPost({
    http: {
      request: async ({ body }) => {
        posted.push(body);
        return { status: 200, body: await answer(body) };
      },
    },
    path: '/',
  });
  const allocate = createForward(post, log);
  const relay = createRelay({ allocate, clock: () => NOW_MS, log, maxInFlight: 10 });
  const { message: sent, replies } = fakeMessage(payload, headers);
  relay.serve({ name: 'x', subject: 'x', kind: 'request', ...endpoint }).handle(sent);
  await relay.finish();
  return { request: posted[0] ?? '', reply: replies[0]?.body };
}

/** Lets today's function answer the body of a POST /batch. */
export async function answered(body: string): Promise<{ readonly status: number; readonly body: string }> {
  const serve = (requests: readonly ServiceRequest[]) => Promise.resolve(requests.map(outcomeOf));
  const services = ['game-service', 'ai-service'].map((name) => ({ name, hasGames: name === 'game-service', serve }));
  const allocate = createAllocate({ services, clock: () => NOW_MS, strategies: [] });
  const { log } = fakeLog();
  const options = { authorise: async () => ({ code: 'unauthorised' }) as const, clock: () => NOW_MS, log };
  const event = httpEvent({ body, iam: true, timeEpoch: NOW_MS });
  const answer = (await createHandler(batchRoute(allocate), options)(event, lambdaContext())) as HttpAnswer;
  return { status: answer.statusCode, body: answer.body };
}

function outcomeOf(request: ServiceRequest): Outcome {
  switch (request.op) {
    case 'choose':
      return { kind: 'chosen', instance: INSTANCE, degraded: [] };
    case 'list':
      return { kind: 'listed', instances: [INSTANCE], degraded: ['prometheus'] };
    case 'assign':
      return OUTCOMES[request.gameId] ?? assigned({});
    case 'release':
      return { kind: 'released' };
    case 'report':
    case 'explain':
      return { kind: 'upstream_unavailable' }; // not known to the versions that this is about
    default:
      return OUTCOMES[request.gameId] ?? { kind: 'found', instanceId: '10.0.0.3', expiresInS: 42 };
  }
}
