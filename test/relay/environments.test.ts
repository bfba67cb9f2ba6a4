import { expect, it } from 'vitest';
import { createEnvironments } from '../../lib/relay/environments.ts';

function setUp() {
  let nowMs = 1_000_000;
  const environments = createEnvironments(() => nowMs);
  /** As many calls beside each other, all answered. */
  function answerBeside(count: number): void {
    for (const call of Array.from({ length: count }, environments.take)) call.answered();
  }
  return { environments, answerBeside, pass: (ms: number) => (nowMs += ms), now: () => nowMs };
}

it('knows of none at first', () => {
  const { environments } = setUp();

  expect(environments.hasIdle()).toBe(false);
  expect(environments.anyWarm()).toBe(false);
  expect(environments.take().warm).toBe(false);
});

it.each([
  [59_999, { warm: true, idle: true }],
  [60_000, { warm: false, idle: true }],
  [239_999, { warm: false, idle: true }],
  [240_000, { warm: false, idle: false }],
])('knows of one that it was warm %i ms ago: %o', (agoMs, expected) => {
  const { environments, answerBeside, pass } = setUp();
  answerBeside(1);

  pass(agoMs);

  expect({ warm: environments.anyWarm(), idle: environments.hasIdle() }).toEqual(expected);
  expect(environments.take().warm).toBe(expected.warm);
});

it('finds as many warm ones idle as have answered beside each other', () => {
  const { environments, answerBeside } = setUp();
  answerBeside(2);

  expect([environments.take(), environments.take(), environments.take()].map(({ warm }) => warm)).toEqual([
    true,
    true,
    false,
  ]);
});

it('finds no second one where calls only followed each other', () => {
  const { environments, answerBeside } = setUp();
  for (let i = 0; i < 10; i += 1) answerBeside(1);

  environments.take();

  expect(environments.hasIdle()).toBe(false);
});

it('does not count on one from which no answer came', () => {
  const { environments, answerBeside } = setUp();
  answerBeside(2);

  environments.take().lost();
  environments.take();

  expect(environments.hasIdle()).toBe(false);
});

it.each([
  ['when all of them were idle', 2, 0, 5000],
  ['when one more is wanted than there are', 3, 0, Number.POSITIVE_INFINITY],
  ['when one of them is in use', 2, 1, 5000],
  ['when as many as wanted are in use', 2, 2, 0],
  ['when only the one used last is wanted', 1, 0, 2000],
])('tells since when so many have been in use: %s', (_name, wanted, inUse, agoMs) => {
  const { environments, answerBeside, pass, now } = setUp();
  answerBeside(2);
  pass(3000);
  answerBeside(1);
  pass(2000);

  for (let i = 0; i < inUse; i += 1) environments.take();

  expect(now() - environments.inUseSinceMs(wanted)).toBe(agoMs);
});
