import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Presence } from '../../lib/app/placement.ts';
import { candidate, GIB, request, T0 } from '../support/placement.ts';
import { type PlacementServer, type PlacementService, startPlacementServer } from '../support/placement-service.ts';

let server: PlacementServer;

beforeAll(async () => {
  server = await startPlacementServer();
});
afterAll(() => server.stop());

/** A view of `second` in which these are gone, and these are back. */
function view(second: number, gone: readonly string[], back: readonly string[] = []): { presence: Presence } {
  return { presence: { atMs: (T0 + second) * 1000, gone, back } };
}

const others = (second: number) => [candidate('b', [second, 1, GIB]), candidate('c', [second, 1, GIB])];
const g1 = () => request({ gameId: 'g1' });

/** A service with a grace of 30 s whose game g1 is on `dead`, placed at second 0; it has answered, so clocks are known. */
async function withGameOnDead(overrides = {}): Promise<PlacementService> {
  const service = server.service({ leaseTtlS: 600, ...overrides });
  await service.place([candidate('dead', [0, 1, GIB])], [g1()]);
  return service;
}

describe('a game whose instance is gone', () => {
  it('stays for the grace, then moves once, for all who ask', async () => {
    const { at, place, record, instance } = await withGameOnDead();
    at(10);
    expect(await place(others(10), [g1()], view(9, ['dead']))).toMatchObject([
      { kind: 'recorded', instanceId: 'dead' },
    ]);
    at(39);
    expect(await place(others(39), [g1()], view(39, ['dead']))).toMatchObject([
      { kind: 'recorded', instanceId: 'dead' },
    ]);
    at(41);

    const calls = Array.from({ length: 100 }, () => place(others(40), [g1()], view(40.5, ['dead'])));
    const results = (await Promise.all(calls)).flat();

    const moved = results.filter(({ kind }) => kind === 'placed');
    expect(moved).toEqual([{ kind: 'placed', instanceId: 'b', reassigned: true }]);
    expect(results.every((result) => 'reassigned' in result && result.instanceId === 'b' && result.reassigned)).toBe(
      true,
    );
    expect(await server.redis.get(record('g1'))).toBe('"b"');
    expect((await instance('dead'))?.games).toBe(0);
    expect((await instance('b'))?.games).toBe(1);
    expect((await instance('b'))?.sessions[0]).toBeCloseTo(1, 9);
  });

  it.each([
    ['the view is no newer than the end of the grace', view(39.9, ['dead'])],
    ['the view does not say so', view(60, [])],
    ['there is no view that could say so', {}],
  ])('stays where %s', async (_why, more) => {
    const { at, place } = await withGameOnDead();
    at(10);
    await place(others(10), [g1()], view(10, ['dead']));
    at(60);

    expect(await place(others(60), [g1()], more)).toMatchObject([{ kind: 'recorded', instanceId: 'dead' }]);
  });

  it('stays where the view is older than its record', async () => {
    const { at, place } = await withGameOnDead();
    at(10);
    await place(others(10), [g1()], view(10, ['dead']));
    at(50);
    await place([candidate('dead', [50, 1, GIB])], [request({ gameId: 'g2' })], view(45, []));

    const results = await place(others(50), [request({ gameId: 'g2' })], view(49, ['dead']));

    expect(results).toMatchObject([{ kind: 'recorded', instanceId: 'dead' }]);
  });

  it('begins its grace anew when a newer view saw the instance back', async () => {
    const { at, place, marked } = await withGameOnDead();
    at(10);
    expect(await marked(others(10), [g1()], view(10, ['dead']))).toEqual(['dead']);
    at(30);
    expect(await marked(others(30), [g1()], view(9, [], ['dead']))).toEqual(['dead']); // older than the mark
    expect(await marked(others(30), [g1()], view(29, [], ['dead']))).toEqual([]);
    at(45);
    await place(others(45), [g1()], view(45, ['dead']));

    at(74);
    expect(await place(others(74), [g1()], view(74, ['dead']))).toMatchObject([{ instanceId: 'dead' }]);
    at(76);
    expect(await place(others(76), [g1()], view(76, ['dead']))).toMatchObject([{ kind: 'placed', reassigned: true }]);
  });

  it('never moves with a grace of 0', async () => {
    const { at, place } = await withGameOnDead({ reassignGraceMs: 0 });
    for (const second of [10, 100, 500]) {
      at(second);
      expect(await place(others(second), [g1()], view(second, ['dead']))).toMatchObject([{ instanceId: 'dead' }]);
    }
  });

  it('stays where nobody else can take it', async () => {
    const { at, place } = await withGameOnDead();
    const full = others(10).map(({ instance, sample }) => ({ instance: { ...instance, maxGames: 1 }, sample }));
    at(10);
    await place(full, [g1(), request(), request()], view(10, ['dead']));
    at(50);

    expect(await place(full, [g1()], view(50, ['dead']))).toMatchObject([{ kind: 'recorded', instanceId: 'dead' }]);
    expect(await place([], [g1()], view(50, ['dead']))).toMatchObject([{ kind: 'recorded', instanceId: 'dead' }]);
  });

  it('is not moved by a request whose deadline has passed', async () => {
    const { at, place } = await withGameOnDead();
    at(10);
    await place(others(10), [g1()], view(10, ['dead']));
    at(50);

    const late = request({ gameId: 'g1', deadlineMs: (T0 + 49) * 1000 });

    expect(await place(others(50), [late], view(50, ['dead']))).toMatchObject([
      { kind: 'recorded', instanceId: 'dead' },
    ]);
  });

  it('moves too when another service wrote its record, and keeps the time that it was given', async () => {
    const { at, place, record } = server.service();
    await place(others(0), [request()]);
    await server.redis.set(record('g1'), '"dead"', 'EX', 310);
    at(10);
    await place(others(10), [g1()], view(10, ['dead']));
    at(41);

    expect(await place(others(41), [g1()], view(41, ['dead']))).toMatchObject([{ kind: 'placed', reassigned: true }]);
    expect(await server.redis.ttl(record('g1'))).toBeGreaterThan(300);
  });
});

it('forgets after an hour that an instance is gone', async () => {
  const { at, marked } = await withGameOnDead();
  at(10);
  await marked(others(10), [g1()], view(10, ['dead']));
  at(3700);

  expect(await marked(others(3700), [request()], view(3700, []))).toEqual([]);
});
