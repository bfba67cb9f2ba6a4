import { expect, it } from 'vitest';
import { type ConsulOptions, createConsulDiscovery } from '../../../lib/adapters/consul/discovery.ts';
import { freePort, noLimit, reply, startServer } from '../../support/http-server.ts';
import { recordedLog } from '../../support/recorded-log.ts';
import { limitFor, UPSTREAM_FAULTS } from '../../support/upstream-faults.ts';
import { healthEntry } from './health-entry.ts';

const DEFAULTS = { cpuCores: 4, memoryBytes: 8 * 1024 ** 3 };

it('asks for the whole service with the token in a header', async () => {
  const server = await startServer(reply(200, [healthEntry()]));

  const fleet = await discovery(server.url, { serviceName: 'game/ser vice', token: () => 'secret' }).list(noLimit());

  expect(fleet).toEqual({
    instances: [{ id: '10.0.0.3', port: 5002, status: 'eligible', ...DEFAULTS, tags: ['v1'], meta: {} }],
    unusable: 0,
    duplicates: 0,
  });
  expect(server.requests).toMatchObject([
    { method: 'GET', url: '/v1/health/service/game%2Fser%20vice?stale=true', headers: { 'x-consul-token': 'secret' } },
  ]);
});

it.each([
  { what: 'its index stands still', second: { 'X-Consul-Index': '7' }, same: true },
  { what: 'its index has moved', second: { 'X-Consul-Index': '8' }, same: false },
  { what: 'its index went back', second: { 'X-Consul-Index': '1' }, same: false },
  { what: 'it tells no index', second: {}, same: false },
])('gives the list that it has already read: $same, where $what', async ({ second, same }) => {
  const answers = [{ 'X-Consul-Index': '7' }, second].map((headers) => reply(200, [healthEntry()], headers));
  const server = await startServer((...call) => answers.shift()?.(...call));
  const { list } = discovery(server.url);

  const before = await list(noLimit());

  expect((await list(noLimit())) === before).toBe(same);
});

it('reads a list anew that has another length under the same index, as after a loss of all data', async () => {
  const answers = [[healthEntry()], []].map((body) => reply(200, body, { 'X-Consul-Index': '7' }));
  const server = await startServer((...call) => answers.shift()?.(...call));
  const { list } = discovery(server.url);
  await list(noLimit());

  expect((await list(noLimit())).instances).toEqual([]);
});

it('sends no token where there is none', async () => {
  const server = await startServer(reply(200, []));

  await discovery(server.url).list(noLimit());

  expect(server.requests[0]?.headers['x-consul-token']).toBeUndefined();
});

it('believes an empty list of a server that knows a leader', async () => {
  const server = await startServer(reply(200, '[]', { 'X-Consul-KnownLeader': 'true' }));

  expect(await discovery(server.url).list(noLimit())).toEqual({ instances: [], unusable: 0, duplicates: 0 });
});

it('does not believe an empty list of a server that knows no leader', async () => {
  const server = await startServer(reply(200, '[]', { 'X-Consul-KnownLeader': 'false' }));

  await expect(discovery(server.url).list(noLimit())).rejects.toMatchObject({
    upstream: 'consul',
    failure: 'error_reply',
  });
});

it('believes a full list of a server that knows no leader', async () => {
  const server = await startServer(reply(200, [healthEntry()], { 'X-Consul-KnownLeader': 'false' }));

  expect((await discovery(server.url).list(noLimit())).instances.length).toBe(1);
});

it.each(['[]', JSON.stringify([healthEntry()])])(
  'takes a list filtered by ACL for refused credentials: %s',
  async (body) => {
    const server = await startServer(reply(200, body, { 'X-Consul-Results-Filtered-By-ACLs': 'true' }));

    await expect(discovery(server.url).list(noLimit())).rejects.toMatchObject({ failure: 'refused' });
  },
);

it.each([...UPSTREAM_FAULTS, { fault: 'answers an object', listener: reply(200, '{}'), failure: 'invalid_body' }])(
  'reports $failure when Consul $fault',
  async ({ listener, failure, ...rest }) => {
    const server = await startServer(listener);

    const answer = discovery(server.url).list(limitFor(failure));

    await expect(answer).rejects.toMatchObject({
      name: 'UpstreamError',
      upstream: 'consul',
      failure,
      ...('status' in rest ? { status: rest.status } : {}),
    });
    expect(server.requests.length).toBe(1);
  },
);

it.each([
  ['300000', true],
  ['300001', false],
  ['9223372036854', false],
  ['unknown', true],
])('takes a list of a server that last heard of its leader %s ms ago: %s', async (age, taken) => {
  const headers = { 'X-Consul-LastContact': age, 'X-Consul-KnownLeader': 'false', 'X-Consul-Index': '7' };
  const answers = [{ 'X-Consul-Index': '7' }, headers].map((each) => reply(200, [healthEntry()], each));
  const server = await startServer((...call) => answers.shift()?.(...call));
  const { list } = discovery(server.url);
  await list(noLimit()); // what has not changed is too old all the same

  const second = list(noLimit());

  if (taken) expect((await second).instances).toHaveLength(1);
  else await expect(second).rejects.toMatchObject({ failure: 'error_reply' });
});

it('reports connect when nothing listens', async () => {
  const url = new URL(`http://127.0.0.1:${await freePort()}`);

  await expect(discovery(url).list(noLimit())).rejects.toMatchObject({ failure: 'connect', outcome: 'none' });
});

it('warns of odd entries when their number changes, not every time', async () => {
  const odd = [healthEntry(), healthEntry(), healthEntry({ address: 'a b' })];
  const answers = [odd, odd, [healthEntry()], odd];
  const server = await startServer((request, response, body) =>
    reply(200, answers.shift() ?? [])(request, response, body),
  );
  const log = recordedLog();
  const consul = discovery(server.url, { log });

  for (let i = 0; i < 4; i += 1) await consul.list(noLimit());

  const line = { level: 'warning', event: 'consul_entries_odd', fields: { unusable: 1, duplicates: 1 } };
  expect(log.lines).toEqual([line, line]);
});

it('reads 3,000 entries', async () => {
  const entries = Array.from({ length: 3000 }, (_, i) => healthEntry({ address: `10.0.${i >> 8}.${i & 255}` }));
  const server = await startServer(reply(200, entries));

  expect((await discovery(server.url).list(noLimit())).instances.length).toBe(3000);
});

function discovery(baseUrl: URL, options: Partial<ConsulOptions> = {}) {
  return createConsulDiscovery({
    baseUrl,
    token: () => undefined,
    serviceName: 'game-service',
    instanceId: 'address',
    maxAgeMs: 300_000,
    defaults: DEFAULTS,
    log: recordedLog(),
    ...options,
  });
}
