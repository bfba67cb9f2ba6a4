import { expect, it } from 'vitest';
import { eachInSlices } from '../../../lib/adapters/http/in-slices.ts';

const numbers = Array.from({ length: 1000 }, (_, i) => i);

it('visits every element in order', async () => {
  const visited: number[] = [];

  await eachInSlices('consul', numbers, (n) => visited.push(n), new AbortController().signal);

  expect(visited).toEqual(numbers);
});

it('lets other work in between', async () => {
  let visited = 0;
  let visitedBefore = 0;
  await eachInSlices(
    'consul',
    numbers,
    () => {
      visited += 1;
      if (visited === 1) setImmediate(() => (visitedBefore = visited));
    },
    new AbortController().signal,
  );
  expect(visitedBefore).toBe(250);
});

it('stops when nobody waits for the end', async () => {
  const controller = new AbortController();
  let visited = 0;

  const reading = eachInSlices(
    'prometheus',
    numbers,
    () => {
      visited += 1;
      controller.abort();
    },
    controller.signal,
  );

  await expect(reading).rejects.toMatchObject({ upstream: 'prometheus', failure: 'timeout' });
  expect(visited).toBe(250);
});
