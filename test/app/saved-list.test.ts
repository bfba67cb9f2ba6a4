import { expect, it } from 'vitest';
import { compressedText } from '../../lib/adapters/redis/compressed-text.ts';
import { createSavedList, type SavedListOptions, type TextCodec } from '../../lib/app/saved-list.ts';
import { UpstreamError } from '../../lib/app/upstream-error.ts';
import { fakeLog, fakeRedis, fakeTime, fleetList, fleetOf, instance, isPending, NOW_MS } from '../support/fakes.ts';

const KEY = 'test:list';
const PLAIN: TextCodec = { encode: (text) => Promise.resolve(text), decode: (text) => Promise.resolve(text) };

function setUp(overrides: Partial<SavedListOptions> = {}) {
  const time = fakeTime();
  const redis = fakeRedis();
  const log = fakeLog();
  const options = { redis, codec: PLAIN, key: KEY, clock: Date.now, log, staleMs: 300_000, ...overrides };
  const savedList = createSavedList(options);
  async function save(list = fleetOf(2)) {
    savedList.offer(list);
    await savedList.release(50);
  }
  /** What a process reads that has just started. */
  const readElsewhere = async () => (await createSavedList(options).read(150))?.list;
  return { time, redis, log, savedList, save, readElsewhere };
}

it('gives another process the list as it was', async () => {
  const { save, readElsewhere, redis } = setUp();
  const own = { maxGames: 20, tags: ['eu', 'gpu=a100'], meta: { region: 'eu', constructor: 'x' } };
  const ports = { address: '10.0.0.2', restPort: 5002, grpcPort: 50_051 };
  const list = fleetList('10.0.0.1', instance('i-2', { status: 'listed', draining: true, ...ports, ...own }), {
    id: 'без-порта',
    status: 'gone',
    cpuCores: 0.5,
    memoryBytes: 1e9,
    tags: [],
    meta: {},
  });

  await save(list);

  expect(await readElsewhere()).toEqual(list);
  expect(redis.sets).toMatchObject([{ key: KEY, ttlS: 300 }]);
});

it('reads a list that was kept without tags and Meta', async () => {
  const { savedList, redis } = setUp();
  const saved = { id: '10.0.0.1', port: 5002, status: 'eligible', cpuCores: 4, memoryBytes: 8 * 1024 ** 3 };
  redis.values.set(KEY, JSON.stringify({ atMs: NOW_MS - 7, instances: [saved] }));

  expect(await savedList.read(150)).toEqual({ list: fleetList('10.0.0.1'), atMs: NOW_MS - 7 });
});

it('saves a changed list at most once a minute', async () => {
  const { time, save, redis, readElsewhere } = setUp();
  await save(fleetOf(2));
  await time.pass(59_999);
  await save(fleetOf(3));
  expect(redis.sets.length).toBe(1);
  await time.pass(1);
  await save(fleetOf(4));

  expect(await readElsewhere()).toEqual(fleetOf(4));
});

it('saves an unchanged list only before it gets too old', async () => {
  const { time, save, redis } = setUp();
  await save();
  await time.pass(149_999);
  await save();
  expect(redis.sets.length).toBe(1);
  await time.pass(1);
  await save();

  expect(redis.sets.length).toBe(2);
});

it('does not save a list of more than 256 KiB, counted in bytes', async () => {
  const { time, save, redis } = setUp();
  const id = 'ж'.repeat(1000); // 2 bytes each

  await save(fleetList(...Array.from({ length: 150 }, (_, index) => `${id}${index}`)));
  expect(redis.sets.length).toBe(0);
  await time.pass(60_000);
  await save(fleetList(...Array.from({ length: 100 }, (_, index) => `${id}${index}`)));

  expect(redis.sets.length).toBe(1);
});

it('keeps 10,000 instances of the usual kind, compressed, and another process reads them', async () => {
  const { save, readElsewhere, redis } = setUp({ codec: compressedText });
  const list = fleetOf(10_000);

  await save(list);

  expect(redis.sets.length).toBe(1);
  expect(await readElsewhere()).toEqual(list);
});

it('does not save while an earlier save is under way', async () => {
  const { time, savedList, redis } = setUp();
  redis.hanging = true;
  savedList.offer(fleetOf(1));
  await time.pass(60_001);

  savedList.offer(fleetOf(2));

  expect(redis.sets.length).toBe(1);
});

it('tries a failed save again after a minute, with the same list too', async () => {
  const { time, save, redis, log, readElsewhere } = setUp();
  redis.failure = new UpstreamError('redis', 'connect');
  await save();
  expect(log.lines).toMatchObject([{ level: 'warning', event: 'saved_list_not_written' }]);
  redis.failure = undefined;
  await time.pass(59_999);
  await save();
  expect(redis.sets.length).toBe(1);
  await time.pass(1);
  await save();

  expect(await readElsewhere()).toEqual(fleetOf(2));
});

it('gives a save the time that a release has, then aborts it', async () => {
  const { time, savedList, redis } = setUp();
  redis.hanging = true;
  savedList.offer(fleetOf(2));

  const released = savedList.release(50);
  await time.pass(49);
  expect(await isPending(released)).toBe(true);
  await time.pass(1);
  await released;

  expect(redis.sets[0]?.signal.aborted).toBe(true);
});

it('releases at once with nothing under way', async () => {
  const { savedList, save } = setUp();

  expect(await isPending(savedList.release(50))).toBe(false);
  await save();
  expect(await isPending(savedList.release(50))).toBe(false);
});

it('reads nothing where nothing was saved, without a word', async () => {
  const { savedList, log } = setUp();

  expect(await savedList.read(150)).toBeUndefined();
  expect(log.lines).toEqual([]);
});

it.each([
  [300_000, true],
  [300_001, false],
])('a list saved %i ms ago is used: %s', async (ageMs, used) => {
  const { time, save, readElsewhere } = setUp();
  await save();
  await time.pass(ageMs);

  expect((await readElsewhere()) !== undefined).toBe(used);
});

it('does not ask Redis with less than 20 ms', async () => {
  const { savedList, redis } = setUp();

  expect(await savedList.read(19)).toBeUndefined();
  expect(await savedList.read(-100)).toBeUndefined();

  expect(redis.gets).toEqual([]);
});

it('waits for Redis no longer than told', async () => {
  const { time, savedList, redis, log } = setUp();
  redis.hanging = true;

  const reading = savedList.read(40.7);
  await time.pass(40);

  expect(await reading).toBeUndefined();
  expect(log.events()).toEqual(['saved_list_unreadable']);
});

it.each([
  'not JSON',
  'null',
  '[]',
  '{}',
  `{"atMs":${NOW_MS}}`,
  `{"atMs":"now","instances":[]}`,
  `{"atMs":${NOW_MS},"instances":[{"id":"10.0.0.1"}]}`,
  `{"atMs":${NOW_MS},"instances":[{"id":"10.0.0.1","status":"ill","cpuCores":4,"memoryBytes":1}]}`,
  `{"atMs":${NOW_MS},"instances":[{"id":"10.0.0.1","status":"gone","cpuCores":4,"memoryBytes":1,"maxGames":0}]}`,
  `{"atMs":${NOW_MS},"instances":[{"id":"10.0.0.1","status":"gone","cpuCores":4,"memoryBytes":1,"tags":[1]}]}`,
  `{"atMs":${NOW_MS},"instances":[{"id":"a b","status":"gone","cpuCores":4,"memoryBytes":1}]}`,
  `{"atMs":${NOW_MS},"instances":[{"id":"a.>","status":"gone","cpuCores":4,"memoryBytes":1}]}`,
  `{"atMs":${NOW_MS},"instances":[{"id":"10.0.0.1","port":70000,"status":"gone","cpuCores":4,"memoryBytes":1}]}`,
  `{"atMs":${NOW_MS},"instances":[{"id":"10.0.0.1","status":"gone","cpuCores":0,"memoryBytes":1}]}`,
  `{"atMs":${NOW_MS},"instances":[{"id":"10.0.0.1","status":"gone","cpuCores":4,"memoryBytes":-1}]}`,
])('does not use what is no saved list: %s', async (text) => {
  const { savedList, redis, log } = setUp();
  redis.values.set(KEY, text);

  expect(await savedList.read(150)).toBeUndefined();
  expect(log.events()).toEqual(['saved_list_unreadable']);
});
