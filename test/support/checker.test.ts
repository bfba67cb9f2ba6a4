import { describe, expect, it } from 'vitest';
import type { SeenReply } from '../e2e/load.ts';
import { type Checker, createChecker, type SeenRequest } from '../faults/checker.ts';

const AT_A: SeenReply = { success: true, instance_id: '10.0.0.1' };
const AT_B: SeenReply = { success: true, instance_id: '10.0.0.2' };
const TOO_LATE: SeenReply = { success: false, code: 'deadline_exceeded' };

/** A checker whose clock stands at 10 s, long after everything that the tests ask at 0. */
function newChecker(): Checker {
  return createChecker(() => 10_000);
}

function request(id: string, more: Partial<SeenRequest> = {}): SeenRequest {
  return { id, gameId: 'g', atMs: 0, timeoutMs: 500, wantsReply: true, ...more };
}

function kinds(checker: Checker): readonly string[] {
  return checker.violations().map(({ kind }) => kind);
}

it('finds nothing wrong with one reply each, retries of the same game, failures and the record', () => {
  const checker = newChecker();
  checker.asked(request('1'));
  checker.replied('1', TOO_LATE, 450);
  checker.asked(request('2', { atMs: 450 }));
  checker.replied('2', AT_A, 460);
  checker.asked(request('3', { atMs: 500 }));
  checker.replied('3', AT_A, 980);
  checker.asked(request('4', { wantsReply: false, gameId: 'h' }));
  checker.recorded('g', '10.0.0.1');
  checker.recorded('h', '10.0.0.2');

  expect(checker.violations()).toEqual([]);
  expect(checker.counts()).toEqual({
    asked: 4,
    replies: 3,
    successes: 2,
    failures: { deadline_exceeded: 1 },
    unanswered: 0,
    excused: {},
    withinMargin: 1,
    lateExcused: 0,
    recordsRead: 2,
  });
});

describe('the game', () => {
  it('is at two instances when two replies say so', () => {
    const checker = newChecker();
    for (const id of ['1', '2']) checker.asked(request(id));
    checker.replied('1', AT_A, 10);
    checker.replied('2', AT_B, 10);

    const detail = 'the reply to 1 named 10.0.0.1, the reply to 2 10.0.0.2';
    expect(checker.violations()).toEqual([{ kind: 'two_instances', gameId: 'g', detail }]);
  });

  it('is at two instances when the record says otherwise than the reply', () => {
    const checker = newChecker();
    checker.asked(request('1'));
    checker.replied('1', AT_A, 10);
    checker.recorded('g', '10.0.0.2');

    expect(kinds(checker)).toEqual(['two_instances']);
  });

  it('has no record after a success', () => {
    const checker = newChecker();
    checker.asked(request('1'));
    checker.replied('1', AT_A, 10);
    checker.recorded('g', undefined);

    expect(kinds(checker)).toEqual(['success_without_record']);
  });

  it('needs no record yet when it was looked for before the success, nor after failures alone', () => {
    const checker = newChecker();
    for (const id of ['1', '2']) checker.asked(request(id, { gameId: id }));
    checker.replied('1', AT_A, 10);
    checker.recorded('1', undefined, 9);
    checker.replied('2', TOO_LATE, 10);
    checker.recorded('2', undefined);

    expect(checker.violations()).toEqual([]);
  });

  it('may be elsewhere, and without a record, in a new generation', () => {
    const checker = newChecker();
    checker.asked(request('1'));
    checker.replied('1', AT_A, 10);
    checker.newGeneration('g');
    checker.recorded('g', undefined);
    checker.asked(request('2'));
    checker.replied('2', AT_B, 20);
    checker.recorded('g', '10.0.0.2');

    expect(checker.violations()).toEqual([]);
  });

  it('may be where it was or where it will be for a request that was under way at the change, and nowhere else', () => {
    for (const [instance, expected] of [
      ['10.0.0.1', []],
      ['10.0.0.2', []],
      ['10.0.0.3', ['two_instances']],
    ] as const) {
      const checker = newChecker();
      for (const id of ['1', '2']) checker.asked(request(id));
      checker.replied('1', AT_A, 10);
      checker.newGeneration('g');
      checker.replied('2', { success: true, instance_id: instance }, 20);
      checker.asked(request('3'));
      checker.replied('3', AT_B, 30);

      expect(kinds(checker)).toEqual(expected);
    }
  });

  it('is at two instances in a new generation as well', () => {
    const checker = newChecker();
    checker.newGeneration('g');
    for (const id of ['1', '2']) checker.asked(request(id));
    checker.replied('1', AT_A, 10);
    checker.replied('2', AT_B, 10);

    expect(kinds(checker)).toEqual(['two_instances']);
  });
});

describe('the reply', () => {
  it('is missing once the caller has given up, unless that is excused', () => {
    let now = 0;
    const checker = createChecker(() => now);
    for (const id of ['1', '2']) checker.asked(request(id));
    checker.excuse('2', 'the relay was killed');

    expect(checker.violations()).toEqual([]);
    now = 501;
    expect(checker.violations()).toEqual([{ kind: 'no_reply', gameId: 'g', detail: '1, which waited 500 ms' }]);
    expect(checker.counts()).toMatchObject({ unanswered: 2, excused: { 'the relay was killed': 1 } });
    expect(checker.unanswered()).toEqual(['1']);
  });

  it('comes twice, also when both say the same', () => {
    const checker = newChecker();
    checker.asked(request('1'));
    for (const atMs of [10, 20]) checker.replied('1', AT_A, atMs);

    expect(kinds(checker)).toEqual(['two_replies']);
  });

  it('comes late, unless that is excused', () => {
    const checker = newChecker();
    for (const id of ['1', '2']) checker.asked(request(id));
    for (const id of ['1', '2']) checker.replied(id, TOO_LATE, 501);
    checker.excuse('2', 'NATS stood still');

    const detail = '1 waited 500 ms and was answered after 501';
    expect(checker.violations()).toEqual([{ kind: 'late_reply', gameId: 'g', detail }]);
    expect(checker.counts()).toMatchObject({ lateExcused: 1 });
  });

  it('is as much later as the machine stood still between the request and the reply, and no more', () => {
    const checker = newChecker();
    checker.stalled(480, 500);
    checker.stalled(440, 490); // seen by another one: 60 ms together
    checker.stalled(-100, 10); // 10 of them after the request
    checker.stalled(569, 900); // 1 before the one reply, 2 before the other
    for (const id of ['1', '2']) checker.asked(request(id, { gameId: id }));
    checker.replied('1', TOO_LATE, 571);
    checker.replied('2', TOO_LATE, 570.5);
    for (const id of ['3', '4']) checker.asked(request(id, { atMs: 460, timeoutMs: 40, gameId: id }));
    checker.replied('3', TOO_LATE, 540);
    checker.replied('4', TOO_LATE, 540.5);

    expect(checker.violations().map(({ gameId }) => gameId)).toEqual(['4']);
    expect(checker.counts()).toMatchObject({ lateExcused: 3 });
  });

  it('comes to a request that nobody sent, or that wanted none', () => {
    const checker = newChecker();
    checker.asked(request('1', { wantsReply: false }));
    checker.replied('1', AT_A, 10);
    checker.replied('2', AT_A, 10);

    expect(kinds(checker)).toEqual(['unasked_reply', 'unasked_reply']);
  });

  it.each([
    { success: true },
    { success: true, instance_id: '' },
    { success: true, instance_id: '10.0.0.1', code: 'overloaded' },
    { success: false },
    { success: false, code: 'overloaded', instance_id: '10.0.0.1' },
  ] as SeenReply[])('is none when it is $success, $instance_id, $code', (reply) => {
    const checker = newChecker();
    checker.asked(request('1'));
    checker.replied('1', reply, 10);

    expect(kinds(checker)).toEqual(['not_a_reply']);
  });
});

it('wants no instance in the success of a release', () => {
  const checker = newChecker();
  for (const id of ['1', '2']) checker.asked(request(id, { op: 'release' }));
  checker.replied('1', { success: true }, 10);
  checker.replied('2', AT_A, 10);

  expect(kinds(checker)).toEqual(['not_a_reply']);
});

it('takes no two requests of one id, and excuses none that it does not know', () => {
  const checker = newChecker();
  checker.asked(request('1'));

  expect(() => checker.asked(request('1'))).toThrow('Two requests have the id 1');
  expect(() => checker.excuse('2', 'why not')).toThrow('No request has the id 2');
});
