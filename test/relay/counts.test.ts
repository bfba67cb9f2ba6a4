import { expect, it } from 'vitest';
import { failureReply } from '../../lib/api/outcomes.ts';
import { createCounter, sumFailed } from '../../lib/relay/counts.ts';

it('counts successes and failures, and remembers the last failure', () => {
  const counter = createCounter();
  for (let i = 0; i < 4; i += 1) counter.received();

  counter.ended({ success: true }, 10);
  counter.ended(failureReply({ code: 'no_capacity' }), 5);
  counter.ended(failureReply({ code: 'conflict', message: 'Not ours.' }), 1);

  expect(counter.read()).toEqual({
    received: 4,
    succeeded: 1,
    failed: { no_capacity: 1, conflict: 1 },
    answeringMs: 16,
    lastFailure: 'conflict: Not ours.',
  });
});

it('adds up the failures of several', () => {
  const [a, b] = [createCounter(), createCounter()];
  a.ended(failureReply({ code: 'no_capacity' }), 1);
  b.ended(failureReply({ code: 'no_capacity' }), 1);
  b.ended(failureReply({ code: 'overloaded' }), 1);

  expect(sumFailed([a.read(), b.read()])).toEqual({ no_capacity: 2, overloaded: 1 });
});
