import { expect, it } from 'vitest';
import { FAILURES, type FailureCode, failureReply } from '../../lib/api/outcomes.ts';
import { readReply } from '../../lib/api/reply.ts';

const TABLE: readonly [FailureCode, number, boolean][] = [
  ['invalid_request', 400, false],
  ['unauthorised', 401, false],
  ['not_found', 404, false],
  ['conflict', 409, false],
  ['too_large', 413, false],
  ['no_capacity', 429, true],
  ['overloaded', 429, true],
  ['no_instance', 503, true],
  ['upstream_unavailable', 503, true],
  ['deadline_exceeded', 504, true],
];

it('has exactly the documented codes', () => {
  expect(Object.keys(FAILURES).toSorted()).toEqual(TABLE.map(([code]) => code).toSorted());
});

it.each(TABLE)('%s is %i, retryable: %s, told in one sentence', (code, status, retryable) => {
  const reply = failureReply({ code });

  expect(FAILURES[code].status).toBe(status);
  expect(reply).toEqual({ success: false, code, retryable, message: expect.stringMatching(/^[A-Z][^.!?\n]+\.$/) });
  expect(reply).not.toHaveProperty('instance_id');
  expect(readReply('assign', reply)).toEqual(reply);
});

it('prefers a message that is more exact', () => {
  const reply = failureReply({ code: 'invalid_request', message: 'game_id is required.' });

  expect(reply).toMatchObject({ code: 'invalid_request', message: 'game_id is required.' });
});
