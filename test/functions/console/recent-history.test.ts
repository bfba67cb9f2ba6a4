import { expect, it } from 'vitest';
import { createRecentHistory } from '../../../functions/console/page/recent-history.ts';
import type { FleetReply } from '../../../functions/console/page/types.ts';

const NONE = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0];

/** What an answer at bucket `newest` tells of each instance. */
function reply(newest: number, games: Readonly<Record<string, readonly number[]>>): FleetReply {
  return {
    success: true,
    service: 'game-service',
    at_ms: 0,
    sources: { consul: { state: 'ok' }, prometheus: { state: 'ok' }, redis: { state: 'ok' } },
    recent: { bucket_s: 30, newest_at_s: newest * 30 },
    failing: [],
    instances: Object.entries(games).map(([instance_id, recent]) => ({
      ...{ instance_id, recent, status: 'eligible', cpu_cores: 4, memory_bytes: 1 },
    })),
  };
}

const shown = (history: ReturnType<typeof createRecentHistory>) =>
  history.read(30)?.series.map(({ name, games, total }) => `${name}: ${games.join(' ')} = ${total}`);

it('knows nothing before the first answer, nor from one without counts', () => {
  const history = createRecentHistory(8);
  expect(history.read(30)).toBeUndefined();

  const { recent: _, ...without } = reply(100, { a: NONE });
  history.add(without);
  expect(history.read(30)).toBeUndefined();
});

it('puts what the answers tell of the same time on each other, and keeps what they tell no more', () => {
  const history = createRecentHistory(8);
  history.add(reply(100, { a: [1, 0, 0, 0, 0, 0, 0, 0, 0, 7], b: [2, ...NONE.slice(1)] }));
  history.add(reply(100, { a: [3, 0, 0, 0, 0, 0, 0, 0, 0, 7], b: [2, ...NONE.slice(1)] }));
  history.add(reply(101, { a: [4, 3, ...NONE.slice(2)] }));

  expect(shown(history)).toEqual([
    'All instances: 7 0 0 0 0 0 0 0 0 5 4 = 16',
    'a: 7 0 0 0 0 0 0 0 0 3 4 = 14',
    'b: 0 0 0 0 0 0 0 0 0 2 0 = 2',
  ]);
});

it('leaves no gap for the time in which nobody looked', () => {
  const history = createRecentHistory(8);
  history.add(reply(100, { a: [1, ...NONE.slice(1)] }));
  history.add(reply(120, { a: [2, ...NONE.slice(1)] }));

  const [all] = history.read(30)?.series ?? [];
  expect(all?.games).toHaveLength(30);
  expect(all?.games.flatMap((games, index) => (games > 0 ? [[index, games]] : []))).toEqual([
    [9, 1],
    [29, 2],
  ]);
});

it('forgets what is older than half an hour, and all when the clock went back', () => {
  const history = createRecentHistory(8);
  history.add(reply(100, { a: [1, ...NONE.slice(1)] }));
  history.add(reply(160, { a: [2, ...NONE.slice(1)] }));
  expect(history.read(30)?.series[0]).toMatchObject({ total: 2 });

  history.add(reply(140, { a: [3, ...NONE.slice(1)] }));
  expect(history.read(30)?.series[0]).toMatchObject({ total: 3 });
});

it('shows those with the most games in the order of their ids, and the others as one', () => {
  const history = createRecentHistory(2);
  const games = (count: number) => [count, ...NONE.slice(1)];
  history.add(reply(100, { i10: games(9), i9: games(5), i1: games(1), i2: games(2) }));

  expect(shown(history)?.map((line) => line.replace(/: .* =/, ' ='))).toEqual([
    'All instances = 17',
    'i9 = 5',
    'i10 = 9',
    '2 others = 3',
  ]);
});

it('does not call one that is left others', () => {
  const history = createRecentHistory(2);
  history.add(reply(100, { a: [1, ...NONE.slice(1)], b: [1, ...NONE.slice(1)], c: [1, ...NONE.slice(1)] }));

  expect(history.read(30)?.series.map(({ name }) => name)).toEqual(['All instances', 'a', 'b', 'c']);
});
