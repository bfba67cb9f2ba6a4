import fc from 'fast-check';
import { headers } from 'nats';
import { expect, it, vi } from 'vitest';
import { createHandler, type HttpAnswer } from '../../lib/adapters/lambda/create-handler.ts';
import { assignRoute, batchRoute, gamesRoute, servicesRoute } from '../../lib/adapters/lambda/routes.ts';
import type { Allocate } from '../../lib/api/allocate.ts';
import { createAllocate } from '../../lib/api/operations.ts';
import { FAILURES, type FailureCode, failureReply, type Reply } from '../../lib/api/outcomes.ts';
import { UpstreamError } from '../../lib/app/upstream-error.ts';
import { createRelay } from '../../lib/relay/relay.ts';
import { ASSIGN, fakeMessage } from '../relay/fake-message.ts';
import { fakeLog, fakeTime, httpEvent, lambdaContext, NOW_MS } from '../support/fakes.ts';

const PLACED: Reply = { success: true, instance_id: '10.0.0.3', port: 5002 };

it('answers any JSON value over HTTPS with what was asked for or a failure of the table', async () => {
  const log = fakeLog();
  const serve = async (requests: readonly unknown[]) => requests.map(() => ({ kind: 'no_instance' }) as const);
  const services = [{ name: 'game-service', hasGames: true, serve }];
  const allocate = createAllocate({ services, clock: Date.now, strategies: [] });
  const options = { authorise: async () => undefined, clock: Date.now, log };
  const handlers = [assignRoute(allocate), batchRoute(allocate), gamesRoute(allocate), servicesRoute(allocate)].map(
    (route) => createHandler(route, options),
  );
  const anyBody = fc.oneof(
    fc.json({ maxDepth: 6 }),
    fc.json().map((json) => `{"v":1,"items":[{"op":"assign","request":${json}}]}`),
    fc.json().map((json) => `{"v":1,"items":[{"op":"instance","budget_ms":${json},"request":{}}]}`),
    fc.json().map((json) => `{"game_id":"g","settings":${json}}`),
  );
  const routeKey = fc.constantFrom(
    '$default',
    'GET /games/{game_id}',
    'GET /services/{service}/instances',
    '__proto__',
  );

  await fc.assert(
    fc.asyncProperty(anyBody, routeKey, fc.string({ unit: 'binary' }), async (body, key, id) => {
      const event = httpEvent({ body, routeKey: key, pathParameters: { game_id: id, service: id } });
      for (const handler of handlers) {
        const answer = (await handler(event, lambdaContext())) as HttpAnswer;
        const reply = JSON.parse(answer.body) as { code?: FailureCode; message?: string; items?: unknown };
        if (answer.statusCode === 200) expect(reply.items).toBeInstanceOf(Array);
        else expect(FAILURES[reply.code!].status).toBe(answer.statusCode);
        expect((reply.message ?? '').length).toBeLessThan(200);
      }
    }),
    { numRuns: 200 },
  );
  expect(log.events()).toEqual([]);
});

it('sends a failure whatever its message is, with a header that NATS takes', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.oneof(
        fc.string({ unit: 'binary', maxLength: 300 }),
        fc.constantFrom('a\r\nb', '\0', '', '\ud800', 'é'.repeat(500)),
      ),
      async (message) => {
        const failure = failureReply({ code: 'no_capacity', message });
        const relay = createRelay({ allocate: async () => [failure], clock: Date.now, log: fakeLog(), maxInFlight: 1 });
        const { message: asked, replies } = fakeMessage({ game_id: 'g' });

        relay.serve(ASSIGN).handle(asked);
        await relay.finish();

        expect(replies).toHaveLength(1);
        const error = replies[0]?.error;
        const fields = headers();
        fields.set('Nats-Service-Error', error?.message ?? '');
        expect(fields.get('Nats-Service-Error')).not.toMatch(/[\r\n]/);
        expect([...(error?.message ?? '')].length).toBeLessThanOrEqual(200);
        expect(error?.status).toBe(429);
      },
    ),
    { numRuns: 500 },
  );
});

it('replies once to each message, in whatever order answers, failures and deadlines come', async () => {
  const time = fakeTime();
  await fc.assert(
    fc.asyncProperty(
      fc.scheduler(),
      fc.array(fc.constantFrom('placed', 'refused', 'failed', 'none', 'two', 'hangs'), { minLength: 1, maxLength: 8 }),
      async (scheduler, answers) => {
        const waiting = [...answers];
        const allocate: Allocate = (items, signal) => {
          const kind = waiting.shift();
          if (kind === 'hangs')
            return new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error())));
          const replies = {
            none: [],
            two: [PLACED, PLACED],
            refused: items.map(() => failureReply({ code: 'no_instance' })),
          };
          const answer = replies[kind as keyof typeof replies] ?? items.map(() => PLACED);
          const failure = new UpstreamError('allocator', 'reset');
          return scheduler.schedule(kind === 'failed' ? Promise.reject(failure) : Promise.resolve(answer));
        };
        const relay = createRelay({ allocate, clock: Date.now, log: fakeLog(), maxInFlight: 6 });
        const endpoint = relay.serve(ASSIGN);
        const messages = answers.map((_, index) => fakeMessage({ game_id: `g${index}` }));
        for (const { message } of messages) endpoint.handle(message);
        // Somewhere in between time passes: all of the deadlines are over, or none.
        for (const ms of [100, 300, 300]) void scheduler.schedule(Promise.resolve()).then(() => time.pass(ms));

        await scheduler.waitAll();
        await time.pass(1000);
        await relay.finish();

        expect(messages.map(({ replies }) => replies.length)).toEqual(messages.map(() => 1));
        expect(relay.inFlight()).toBe(0);
      },
    ),
    { numRuns: 300 },
  );
  expect(Date.now()).toBeGreaterThan(NOW_MS);
  expect(vi.isFakeTimers()).toBe(true);
});
