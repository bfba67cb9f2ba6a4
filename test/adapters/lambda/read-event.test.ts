import fc from 'fast-check';
import { expect, it } from 'vitest';
import { readEvent } from '../../../lib/adapters/lambda/read-event.ts';
import { httpEvent, NOW_MS } from '../../support/fakes.ts';

it('reads an HTTP event', () => {
  const event = httpEvent({ body: '{"a":"ж"}', headers: { authorization: 'Bearer x' }, timeEpoch: NOW_MS });

  expect(readEvent(event)).toEqual({
    via: 'http',
    iam: false,
    headers: { 'content-type': 'application/json', authorization: 'Bearer x' },
    routeKey: '$default',
    parameters: {},
    body: Buffer.from('{"a":"ж"}'),
    receivedAtMs: NOW_MS,
  });
});

it('reads the route of an HTTP API and what stands for its parameters', () => {
  const pathParameters = { game_id: 'ё/1%41' };

  expect(readEvent(httpEvent({ routeKey: 'GET /games/{game_id}', pathParameters }))).toMatchObject({
    routeKey: 'GET /games/{game_id}',
    parameters: pathParameters,
  });
});

it('takes null for no parameters, as serverless-offline sends it', () => {
  const event = { version: '2.0', pathParameters: null, requestContext: { http: { method: 'GET' } } };

  expect(readEvent(event)).toMatchObject({ via: 'http', parameters: {} });
});

it('decodes a body in base64', () => {
  const body = Buffer.from('{"a":"ж"}');

  expect(readEvent(httpEvent({ body: body.toString('base64'), base64: true })).body).toEqual(body);
});

it('knows a caller whom IAM let in, and nobody else', () => {
  const withAuthorizer = (authorizer: object) => {
    const event = httpEvent();
    return { ...event, requestContext: { ...event.requestContext, authorizer } };
  };

  expect(readEvent(httpEvent({ iam: true })).iam).toBe(true);
  expect(readEvent(withAuthorizer({ jwt: { claims: {} } })).iam).toBe(false);
  expect(readEvent(withAuthorizer({ lambda: { iam: true } })).iam).toBe(false);
  expect(readEvent(withAuthorizer({ iam: null })).iam).toBe(false);
});

it('does without everything that a hand-made HTTP event may lack', () => {
  expect(readEvent({ version: '2.0', requestContext: { http: { method: 'GET' } } })).toEqual({
    via: 'http',
    iam: false,
    headers: {},
    routeKey: '',
    parameters: {},
    body: Buffer.alloc(0),
    receivedAtMs: undefined,
  });
});

it.each([{ game_id: 'a' }, [], 'text', 5, null, { version: '2.0' }])(
  'takes %j for the request of a plain invoke',
  (event) => {
    const body = Buffer.from(JSON.stringify(event));

    expect(readEvent(event)).toEqual({
      via: 'invoke',
      iam: true,
      headers: {},
      routeKey: '',
      parameters: {},
      body,
      receivedAtMs: undefined,
    });
  },
);

it.each([
  ['of another payload format', { version: '1.0', requestContext: { authorizer: { iam: {} } }, body: '{}' }],
  ['that is misshapen', { ...httpEvent({ body: '{"game_id":"a"}' }), isBase64Encoded: 'no' }],
])('does not let an HTTP event %s in by the door that asks for no token', (_what, event) => {
  const { via, iam, body } = readEvent(event);

  expect({ via, iam, body: body.toString() }).toEqual({ via: 'http', iam: false, body: '' });
});

it('survives an event that is nested too deeply to be written', () => {
  const event: unknown = JSON.parse('['.repeat(300_000) + ']'.repeat(300_000));

  expect(readEvent(event)).toMatchObject({ via: 'invoke', body: Buffer.alloc(0) });
});

it('never throws', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (event) => {
      expect(readEvent(event).body).toBeInstanceOf(Buffer);
    }),
  );
});
