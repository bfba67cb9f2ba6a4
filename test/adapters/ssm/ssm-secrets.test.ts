import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { createSsmSecrets } from '../../../lib/adapters/ssm/ssm-secrets.ts';
import {
  breakOff,
  drip,
  freePort,
  hang,
  type Listener,
  noLimit,
  reply,
  startServer,
} from '../../support/http-server.ts';

beforeEach(() => {
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'AKIDEXAMPLE');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'example');
  vi.stubEnv('AWS_REGION', 'eu-central-1');
});
afterEach(() => {
  vi.unstubAllEnvs();
});

it('reads what is asked for and there, decrypted, in one call', async () => {
  const server = await startServer(
    page([parameter('/game-allocator/test/ONE', '1'), parameter('/game-allocator/test/OTHER', '2')]),
  );

  const secrets = await createSsmSecrets({ path: '/game-allocator/test/', endpoint: server.url }).read(
    ['ONE', 'ABSENT'],
    noLimit(),
  );

  expect([...secrets]).toEqual([['ONE', '1']]);
  expect(server.requests).toMatchObject([{ headers: { 'x-amz-target': 'AmazonSSM.GetParametersByPath' } }]);
  expect(JSON.parse(server.requests[0]?.body ?? '')).toEqual({
    Path: '/game-allocator/test',
    WithDecryption: true,
    MaxResults: 10,
  });
});

it('finds its endpoint in AWS_ENDPOINT_URL_SSM', async () => {
  const server = await startServer(page([parameter('/p/ONE', '1')]));
  vi.stubEnv('AWS_ENDPOINT_URL_SSM', server.url.href);

  expect((await createSsmSecrets({ path: 'p' }).read(['ONE'], noLimit())).get('ONE')).toBe('1');
});

it('follows pages until it has everything', async () => {
  const pages = [page([parameter('/p/ONE', '1')], 'a'), page([], 'b'), page([parameter('/p/TWO', '2')], 'c')];
  const server = await startServer((request, response, body) => pages.shift()?.(request, response, body));

  const secrets = await createSsmSecrets({ path: '/p', endpoint: server.url }).read(['ONE', 'TWO'], noLimit());

  expect([...secrets]).toEqual([
    ['ONE', '1'],
    ['TWO', '2'],
  ]);
  expect(server.requests.map(({ body }) => JSON.parse(body).NextToken)).toEqual([undefined, 'a', 'b']);
});

it('stops after a bounded number of pages', async () => {
  const server = await startServer(page([], 'again'));

  expect((await createSsmSecrets({ path: '/', endpoint: server.url }).read(['ONE'], noLimit())).size).toBe(0);

  expect(server.requests.length).toBe(10);
});

it.each([
  { fault: 'denies access', listener: refusal(400, 'AccessDeniedException'), failure: 'refused' },
  { fault: 'does not know the key', listener: refusal(400, 'UnrecognizedClientException'), failure: 'refused' },
  { fault: 'says that the token is old', listener: refusal(400, 'ExpiredTokenException'), failure: 'refused' },
  { fault: 'answers 403', listener: reply(403, 'no'), failure: 'refused' },
  { fault: 'throttles', listener: refusal(400, 'ThrottlingException'), failure: 'error_reply' },
  { fault: 'does not like the path', listener: refusal(400, 'ValidationException'), failure: 'error_reply' },
  { fault: 'answers 429', listener: reply(429, ''), failure: 'error_reply' },
  { fault: 'answers 500', listener: refusal(500, 'InternalServerError'), failure: 'status' },
  { fault: 'answers 503', listener: reply(503, 'no'), failure: 'status' },
  { fault: 'answers HTML', listener: reply(200, '<html>'), failure: 'invalid_body' },
  { fault: 'answers a number', listener: reply(200, '7'), failure: 'invalid_body' },
  {
    fault: 'answers parameters of another shape',
    listener: reply(200, { Parameters: [null, { Name: 7 }] }),
    failure: 'invalid_body',
  },
  { fault: 'breaks off', listener: breakOff, failure: 'reset' },
  { fault: 'never answers', listener: hang, failure: 'timeout' },
  { fault: 'drips', listener: drip, failure: 'timeout' },
])('reports $failure when SSM $fault, after one try', async ({ listener, failure }) => {
  const server = await startServer(listener);
  const limit = failure === 'timeout' ? AbortSignal.timeout(1000) : noLimit();

  const answer = createSsmSecrets({ path: '/p', endpoint: server.url }).read(['ONE'], limit);

  await expect(answer).rejects.toMatchObject({ name: 'UpstreamError', upstream: 'ssm', failure, outcome: 'none' });
  expect(server.requests.length).toBe(1);
});

it('reports connect when nothing listens', async () => {
  const endpoint = new URL(`http://127.0.0.1:${await freePort()}`);

  await expect(createSsmSecrets({ path: '/p', endpoint }).read(['ONE'], noLimit())).rejects.toMatchObject({
    failure: 'connect',
  });
});

it('sends nothing when the limit has passed before', async () => {
  const server = await startServer(page([]));

  const answer = createSsmSecrets({ path: '/p', endpoint: server.url }).read(['ONE'], AbortSignal.abort());

  await expect(answer).rejects.toMatchObject({ failure: 'timeout' });
  expect(server.requests.length).toBe(0);
});

function parameter(name: string, value: string) {
  return {
    ARN: `arn:aws:ssm:eu-central-1:1:parameter${name}`,
    DataType: 'text',
    Name: name,
    Type: 'SecureString',
    Value: value,
    Version: 1,
  };
}

function page(parameters: readonly object[], nextToken?: string): Listener {
  return reply(200, { Parameters: parameters, NextToken: nextToken }, { 'content-type': 'application/x-amz-json-1.1' });
}

function refusal(status: number, type: string): Listener {
  return reply(status, { __type: type, message: 'text' }, { 'content-type': 'application/x-amz-json-1.1' });
}
