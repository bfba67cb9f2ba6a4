import { expect, it } from 'vitest';
import { NO_METER, timed } from '../../lib/app/meter.ts';

it('tells of a call when it has ended, well or not, and passes on what came of it', async () => {
  const told: [string, number][] = [];
  const meter = { ...NO_METER, stage: (stage: string, ms: number) => void told.push([stage, ms]) };
  let nowMs = 0;
  const clock = () => (nowMs += 5);
  const ok = timed(meter, 'consul', clock, (a: number, b: number) => Promise.resolve(a + b));
  const bad = timed(meter, 'redis', clock, () => Promise.reject(new Error('x')));

  const sum = ok(1, 2);
  expect(told).toEqual([]);

  expect(await sum).toBe(3);
  await expect(bad()).rejects.toThrow('x');
  expect(told).toEqual([
    ['consul', 5],
    ['redis', 5],
  ]);
});
