import { AuthorizationError, ConnectionError, ProtocolError, UserAuthenticationExpiredError } from 'nats';
import { expect, it } from 'vitest';
import { createRefusal } from '../../lib/adapters/nats/refusal.ts';

it.each([
  [new AuthorizationError('Authorization Violation'), true],
  [new UserAuthenticationExpiredError('User Authentication Expired'), true],
  [new ProtocolError('User Authentication Revoked'), true],
  [new ProtocolError('Maximum Connections Exceeded'), false],
  [new ConnectionError('connection refused'), false],
  [undefined, false],
])('%s: refused %s', (error, expected) => {
  const refusal = createRefusal();

  expect(refusal.heard(error)).toBe(expected);

  expect(refusal.current()).toBe(expected);
});

it('holds as long as each attempt is refused, and until one is not even answered', () => {
  const refusal = createRefusal();
  const error = new AuthorizationError('Authorization Violation');

  for (let i = 0; i < 3; i += 1) {
    refusal.attempts();
    refusal.heard(error);
    expect(refusal.current()).toBe(true);
  }
  refusal.attempts();
  expect(refusal.current()).toBe(true); // that one is under way
  refusal.attempts();

  expect(refusal.current()).toBe(false);
});

it('is over when we are let in', () => {
  const refusal = createRefusal();
  refusal.heard(new AuthorizationError('Authorization Violation'));

  refusal.clear();

  expect(refusal.current()).toBe(false);
});
