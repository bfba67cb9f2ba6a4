import type { IncomingMessage } from 'node:http';
import { expect, it, vi } from 'vitest';
import { signatureProblem } from '../../../dev/lambda-host/check-signature.ts';
import { createHttpClient } from '../../../lib/adapters/http/http-client.ts';
import type { AwsCredentials, CredentialSource } from '../../../lib/adapters/iam/aws-credentials.ts';
import { createSigningClient } from '../../../lib/adapters/iam/signing-client.ts';
import { fakeLog } from '../../relay/fake-message.ts';
import { noLimit, startServer } from '../../support/http-server.ts';

const KEYS: AwsCredentials = { accessKeyId: 'AKIALOCAL', secretAccessKey: 'canary-secret' };
const BODY = JSON.stringify({ v: 1, items: [{ op: 'assign', request: { game_id: 'gäme 1' } }] });

/** A function URL behind IAM, whose clock `aheadMs` ahead of ours is. */
async function setUp({
  aheadMs = 0,
  credentials = async () => KEYS,
  path = '/batch',
}: {
  aheadMs?: number;
  credentials?: CredentialSource;
  path?: string;
} = {}) {
  const refusals: (string | undefined)[] = [];
  const seen: IncomingMessage['headers'][] = [];
  const server = await startServer((request, response, body) => {
    const awsMs = Date.now() + aheadMs;
    const problem = signatureProblem(request, Buffer.from(body), KEYS, awsMs);
    refusals.push(problem);
    seen.push(request.headers);
    response.writeHead(problem === undefined ? 200 : 403, { date: new Date(awsMs).toUTCString() });
    response.end(problem === undefined ? 'in' : JSON.stringify({ Message: problem }));
  });
  const { log, events } = fakeLog();
  const http = createHttpClient({ upstream: 'allocator', baseUrl: server.url, maxResponseBytes: 1000 });
  const signing = { url: server.url, region: 'eu-central-1', credentials, clock: Date.now, log };
  const client = createSigningClient({ upstream: 'allocator', http, ...signing });
  const post = (signal = noLimit()) =>
    client.request({ method: 'POST', path, body: BODY, headers: { 'content-type': 'application/json' }, signal });
  return { post, refusals, seen, events, server };
}

it.each(['/batch', '/', '/prod/batch?x=1&x=0&y=%20a', '/a%20b/ä'.replace('ä', '%C3%A4')])(
  'signs a request to %s as AWS checks it',
  async (path) => {
    const { post, refusals, seen } = await setUp({ path });

    expect((await post()).status).toBe(200);

    expect(refusals).toEqual([undefined]);
    expect(seen[0]?.authorization).toContain(
      'SignedHeaders=content-type;host;x-amz-content-sha256;x-amz-date, Signature=',
    );
  },
);

it('sends the session token of a role, signed', async () => {
  const { post, seen } = await setUp({ credentials: async () => ({ ...KEYS, sessionToken: 'canary-token' }) });

  expect((await post()).status).toBe(200);

  expect(seen[0]?.['x-amz-security-token']).toBe('canary-token');
  expect(seen[0]?.authorization).toContain('x-amz-security-token');
});

it('uses the credentials that are there at each request', async () => {
  let current: AwsCredentials = { ...KEYS, secretAccessKey: 'canary-old' };
  const { post, refusals } = await setUp({ credentials: async () => current });

  await post();
  current = KEYS;
  await post();

  expect(refusals).toEqual([expect.stringContaining('does not match'), undefined]);
});

it.each([10, -10])(
  'F19: is refused once where its clock is off by %d min, says so, and gets in from then on',
  async (minutes) => {
    const { post, refusals, events } = await setUp({ aheadMs: minutes * 60_000 });

    const statuses = [(await post()).status, (await post()).status, (await post()).status];

    expect(statuses).toEqual([403, 200, 200]);
    expect(refusals[0]).toMatch(minutes > 0 ? /^Signature expired/ : /^Signature not yet current/);
    expect(events).toEqual(['clock_far_from_aws']);
  },
);

it('passes on a refusal that has nothing to do with time, and sends nothing once more', async () => {
  const { post, server, events } = await setUp({ credentials: async () => ({ ...KEYS, accessKeyId: 'AKIAOTHER' }) });

  expect((await post()).status).toBe(403);

  expect(server.requests).toHaveLength(1);
  expect(events).toEqual([]);
});

it('sends nothing and says that it is refused while there are no credentials', async () => {
  const cause = new Error('Could not load credentials from any providers');
  const { post, server } = await setUp({ credentials: () => Promise.reject(cause) });

  const error = { upstream: 'allocator', failure: 'refused', outcome: 'none', cause };
  await expect(post()).rejects.toMatchObject(error);
  await expect(post()).rejects.toMatchObject(error);

  expect(server.requests).toEqual([]);
});

it('does not make a caller wait until its deadline for credentials that do not come', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  try {
    const { post } = await setUp({ credentials: () => new Promise(() => undefined) });
    const failed = expect(post()).rejects.toMatchObject({ failure: 'refused', outcome: 'none' });

    await vi.advanceTimersByTimeAsync(250);

    await failed;
  } finally {
    vi.useRealTimers();
  }
});

it('stops waiting for credentials when its caller does', async () => {
  const { post } = await setUp({ credentials: () => new Promise(() => undefined) });
  const caller = new AbortController();
  const failed = expect(post(caller.signal)).rejects.toMatchObject({ failure: 'timeout', outcome: 'none' });

  caller.abort();

  await failed;
});
