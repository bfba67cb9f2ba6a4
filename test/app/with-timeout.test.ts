import { expect, it, vi } from 'vitest';
import { withTimeout } from '../../lib/app/with-timeout.ts';
import { fakeTime, isPending } from '../support/fakes.ts';

it('resolves with the promise and leaves no timer', async () => {
  fakeTime();

  await withTimeout(Promise.resolve(), 1000);

  expect(vi.getTimerCount()).toBe(0);
});

it('resolves when the time is over', async () => {
  const time = fakeTime();

  const waiting = withTimeout(new Promise(() => {}), 1000);
  await time.pass(999);
  expect(await isPending(waiting)).toBe(true);
  await time.pass(1);

  expect(await isPending(waiting)).toBe(false);
});
