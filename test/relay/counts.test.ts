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
    tookMs: expect.objectContaining({ count: 3, sum: 16 }),
    degraded: { consul: 0, prometheus: 0 },
    lastFailure: 'conflict: Not ours.',
  });
});

it('counts replies that had to do without a source, by the sources that it knows', () => {
  const counter = createCounter();

  counter.ended({ success: true, instance_id: 'a', degraded: ['consul', 'prometheus'] }, 1);
  counter.ended({ success: true, instances: [], degraded: ['prometheus', 'something-newer'] }, 1);
  counter.ended({ success: true, instance_id: 'a' }, 1);

  expect(counter.read().degraded).toEqual({ consul: 1, prometheus: 2 });
});

it('adds up the failures of several', () => {
  const [a, b] = [createCounter(), createCounter()];
  a.ended(failureReply({ code: 'no_capacity' }), 1);
  b.ended(failureReply({ code: 'no_capacity' }), 1);
  b.ended(failureReply({ code: 'overloaded' }), 1);

  expect(sumFailed([a.read(), b.read()])).toEqual({ no_capacity: 2, overloaded: 1 });
});
