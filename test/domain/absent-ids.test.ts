import { expect, it } from 'vitest';
import { createAbsentIds } from '../../lib/domain/absent-ids.ts';

const HOUR_MS = 3_600_000;

it('lists who was added, until it is removed', () => {
  const absent = createAbsentIds();
  absent.add('a', 0);
  absent.add('b', 1);
  absent.add('c', 2);

  absent.remove(['b', 'x']);

  expect(absent.list(3)).toEqual(['a', 'c']);
});

it('forgets each an hour after it was added first', () => {
  const absent = createAbsentIds();
  absent.add('a', 0);
  absent.add('b', 10);
  absent.add('a', 20);

  expect(absent.list(HOUR_MS - 1)).toEqual(['a', 'b']);
  expect(absent.list(HOUR_MS)).toEqual(['b']);
  absent.add('a', HOUR_MS);
  expect(absent.list(HOUR_MS + 10)).toEqual(['a']);
});

it('keeps 1,000, the newest ones', () => {
  const absent = createAbsentIds();

  for (let i = 0; i < 1002; i += 1) absent.add(`${i}`, i);

  const kept = absent.list(1002);
  expect([kept.length, kept[0], kept.at(-1)]).toEqual([1000, '2', '1001']);
});
