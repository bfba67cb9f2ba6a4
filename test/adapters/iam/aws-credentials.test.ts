import { expect, it } from 'vitest';
import { type AwsCredentials, pausedAfterFailure } from '../../../lib/adapters/iam/aws-credentials.ts';

const FOUND: AwsCredentials = { accessKeyId: 'AKIA', secretAccessKey: 'canary' };

function setUp() {
  const time = { nowMs: 0 };
  const searches: { resolve: (found: AwsCredentials) => void; reject: (error: unknown) => void }[] = [];
  const source = () => new Promise<AwsCredentials>((resolve, reject) => searches.push({ resolve, reject }));
  return { time, searches, get: pausedAfterFailure(source, () => time.nowMs) };
}

it('searches once for all who ask at the same time', async () => {
  const { searches, get } = setUp();
  const asked = [get(), get(), get()];

  searches[0]!.resolve(FOUND);

  expect(await Promise.all(asked)).toEqual([FOUND, FOUND, FOUND]);
  expect(searches).toHaveLength(1);
});

it('asks the source again each time, which knows when they expire', async () => {
  const { searches, get } = setUp();
  const first = get();
  searches[0]!.resolve(FOUND);
  await first;

  void get();

  expect(searches).toHaveLength(2);
});

it('fails at once for two seconds after a search that failed, and searches again then', async () => {
  const { searches, get, time } = setUp();
  const error = new Error('none');
  const first = get();
  searches[0]!.reject(error);
  await expect(first).rejects.toBe(error);

  time.nowMs = 1999;
  await expect(get()).rejects.toBe(error);
  expect(searches).toHaveLength(1);
  time.nowMs = 2000;
  const later = get();
  searches[1]!.resolve(FOUND);

  expect(await later).toEqual(FOUND);
});
