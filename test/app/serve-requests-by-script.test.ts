import { afterAll, beforeAll, expect, it } from 'vitest';
import { startRedis } from '../../dev/servers/redis.ts';
import type { RunningServer } from '../../dev/servers/running-server.ts';
import { createRedisClient } from '../../lib/adapters/redis/redis-client.ts';
import { createServeRequests } from '../../lib/app/serve-requests.ts';
import type { AssignRequest, Outcome } from '../../lib/app/service-requests.ts';
import type { FleetView } from '../../lib/domain/fleet.ts';
import { toSelector } from '../../lib/domain/selector.ts';
import { createLuaPlacement } from '../../lib/placement/lua-placement.ts';
import { fakeLog, fleetList, instance, loadReport, NOW_MS, noInsight, openView } from '../support/fakes.ts';
import { noLimit } from '../support/http-server.ts';
import { placementConfig } from '../support/placement.ts';

let server: RunningServer;
let redis: ReturnType<typeof createRedisClient>;

beforeAll(async () => {
  server = await startRedis();
  const { hostname, port } = new URL(server.url);
  redis = createRedisClient({ host: hostname, port: Number(port), db: 0, password: () => undefined });
});
afterAll(async () => {
  redis?.close();
  await server?.stop();
});

/** A service whose time stands still until it is moved, for processes that each see their own view of it. */
function setUp() {
  const config = placementConfig({ reassignGraceMs: 30_000 });
  let nowMs = NOW_MS;
  const clock = () => nowMs;
  let games = 0;

  function startProcess(view: () => Partial<FleetView>) {
    const placement = createLuaPlacement(redis, config, clock, { nowS: () => nowMs / 1000 });
    const seen = (): FleetView => ({ list: fleetList(), load: loadReport(), degraded: [], ...view() });
    const views = { open: async () => openView(seen()), noteAbsent: () => {} };
    const serve = createServeRequests({
      views,
      placement,
      clock,
      random: Math.random,
      log: fakeLog(),
      reassigns: true,
      insight: noInsight,
    });
    return (...requests: Partial<AssignRequest>[]): Promise<readonly Outcome[]> => {
      const whole = requests.map((request): AssignRequest => {
        games += 1;
        const attempt = `attempt-${games}`;
        return { op: 'assign', gameId: `game-${games}`, level: 'low', attempt, deadlineMs: nowMs + 10_000, ...request };
      });
      return serve(whole, noLimit());
    };
  }

  const pass = (ms: number) => {
    nowMs += ms;
  };
  return { startProcess, pass, now: clock };
}

const ids = (count: number) => Array.from({ length: count }, (_, index) => `10.0.${index >> 8}.${index & 255}`);
const instanceOf = (assignment?: Outcome) => (assignment?.kind === 'assigned' ? assignment.instanceId : undefined);

it('gives every place of a large fleet away, each once, before it refuses anybody', async () => {
  const { startProcess } = setUp();
  const list = fleetList(...ids(300).map((id) => instance(id, { maxGames: 1 })));
  const assignGames = startProcess(() => ({ list }));
  const assignments: Outcome[] = [];

  for (let call = 0; call < 7; call += 1) {
    assignments.push(...(await assignGames(...Array.from({ length: 64 }, () => ({})))));
  }

  const kinds = assignments.map(({ kind }) => kind);
  expect(kinds.slice(0, 300).every((kind) => kind === 'assigned')).toBe(true);
  expect(kinds.slice(300).every((kind) => kind === 'no_capacity')).toBe(true);
  expect(new Set(assignments.map(instanceOf)).size).toBe(301);
});

it('fills what is preferred first, and never gives what is not required', async () => {
  const { startProcess } = setUp();
  const gpus = ['10.0.0.7', '10.0.0.150', '10.0.0.201'];
  const list = fleetList(
    ...ids(256).map((id) => instance(id, { maxGames: 1, tags: gpus.includes(id) ? ['gpu'] : [] })),
  );
  const assignGames = startProcess(() => ({ list }));
  const gpu = toSelector({ gpu: true })!;

  const preferring = await assignGames({ prefer: gpu }, { prefer: gpu });
  const requiring = await assignGames({ require: gpu }, { require: gpu }, { prefer: gpu }, {});

  const had = [...preferring, requiring[0]].map(instanceOf);
  expect(had.toSorted()).toEqual(gpus.toSorted());
  expect(requiring.map(({ kind }) => kind)).toEqual(['assigned', 'no_capacity', 'assigned', 'assigned']);
  expect(gpus).not.toContain(instanceOf(requiring[2]));
});

it('answers a recorded game that requires what nobody is, and no other', async () => {
  const { startProcess } = setUp();
  const assignGames = startProcess(() => ({ list: fleetList('10.0.0.1') }));
  await assignGames({ gameId: 'recorded' });
  const nowhere = { require: toSelector({ region: 'moon' })! };

  expect(await assignGames({ gameId: 'recorded', ...nowhere }, nowhere)).toMatchObject([
    { kind: 'assigned', instanceId: '10.0.0.1', replayed: true },
    { kind: 'no_match' },
  ]);
});

it('moves a game from an instance that processes have never listed, once its grace is over, and once for all', async () => {
  const { startProcess, pass, now } = setUp();
  await startProcess(() => ({ list: fleetList('10.0.0.2') }))({ gameId: 'lost' });
  const later = () => ({ list: fleetList('10.0.0.1'), absence: { askedAtMs: now(), gone: [] } });
  const ask = async () => (await startProcess(later)({ gameId: 'lost' }))[0];

  pass(5000);
  expect(await ask()).toMatchObject({ instanceId: '10.0.0.2', replayed: true, reassigned: false });
  pass(29_000);
  expect(await ask()).toMatchObject({ instanceId: '10.0.0.2', replayed: true, reassigned: false });
  pass(2000);
  expect(await ask()).toMatchObject({ instanceId: '10.0.0.1', replayed: false, reassigned: true });
  expect(await ask()).toMatchObject({ instanceId: '10.0.0.1', replayed: true });
});

it('leaves a game where it is whose instance comes back within the grace', async () => {
  const { startProcess, pass, now } = setUp();
  let gone: string[] = [];
  let list = fleetList('10.0.0.2');
  const assignGames = startProcess(() => ({ list, absence: { askedAtMs: now(), gone } }));
  const ask = async () => (await assignGames({ gameId: 'lasting' }))[0];
  const stayed = { instanceId: '10.0.0.2', reassigned: false };
  const away = () => {
    [list, gone] = [fleetList('10.0.0.1'), ['10.0.0.2']];
  };
  await ask();

  away();
  pass(20_000);
  expect(await ask()).toMatchObject(stayed);
  [list, gone] = [fleetList('10.0.0.1', '10.0.0.2'), []];
  pass(5000);
  expect(await ask()).toMatchObject(stayed);
  away();
  pass(20_000);
  expect(await ask()).toMatchObject(stayed);
  pass(31_000);

  expect(await ask()).toMatchObject({ instanceId: '10.0.0.1', reassigned: true });
});
