import { expect, it } from 'vitest';
import { createPrometheusMetrics } from '../../../lib/adapters/prometheus/metrics.ts';
import { freePort, noLimit, reply, startServer } from '../../support/http-server.ts';
import { recordedLog } from '../../support/recorded-log.ts';
import { limitFor, UPSTREAM_FAULTS } from '../../support/upstream-faults.ts';

const ANSWER = vector([
  { metric: { instance: '10.0.0.1:8080', m: 'cpu' }, value: [1.5, '0.5'] },
  { metric: { instance: '10.0.0.1:8080', m: 'ram' }, value: [1.5, '1000'] },
  { metric: { instance: '10.0.0.1:8080', m: 'ts' }, value: [1.5, '1.25'] },
]);

it('asks one instant query and reads the samples', async () => {
  const server = await startServer(reply(200, ANSWER));

  const report = await metrics(server.url, { token: 'secret' }).load(noLimit());

  expect([...report.samples]).toEqual([['10.0.0.1', { cpuCores: 0.5, memoryBytes: 1000, atS: 1.25 }]]);
  expect(server.requests).toMatchObject([
    {
      method: 'POST',
      url: '/api/v1/query',
      body: 'query=a%7Bb%3D%22c%2B%22%7D',
      headers: { 'content-type': 'application/x-www-form-urlencoded', authorization: 'Bearer secret' },
    },
  ]);
});

it('sends no authorization where there is no token', async () => {
  const server = await startServer(reply(200, ANSWER));

  await metrics(server.url).load(noLimit());

  expect(server.requests[0]?.headers.authorization).toBeUndefined();
});

it('takes an empty vector for a fleet of which nothing is known', async () => {
  const server = await startServer(reply(200, vector([])));

  expect((await metrics(server.url).load(noLimit())).samples.size).toBe(0);
});

it('uses what comes with warnings, and says so once', async () => {
  const answers = [{ ...ANSWER, warnings: ['part is missing'] }, { ...ANSWER, warnings: ['part is missing'] }, ANSWER];
  const server = await startServer((request, response, body) => reply(200, answers.shift()!)(request, response, body));
  const log = recordedLog();
  const prometheus = metrics(server.url, { log });

  for (let i = 0; i < 3; i += 1) expect((await prometheus.load(noLimit())).samples.size).toBe(1);

  expect(log.lines).toEqual([{ level: 'warning', event: 'prometheus_warnings', fields: { count: 1 } }]);
});

it.each([
  ...UPSTREAM_FAULTS,
  {
    fault: 'answers an error with 200',
    listener: reply(200, { status: 'error', errorType: 'timeout', error: 'text' }),
    failure: 'error_reply',
  },
  {
    fault: 'answers 400',
    listener: reply(400, { status: 'error', errorType: 'bad_data' }),
    failure: 'status',
    status: 400,
  },
  {
    fault: 'answers a matrix',
    listener: reply(200, { ...ANSWER, data: { resultType: 'matrix', result: [] } }),
    failure: 'invalid_body',
  },
  {
    fault: 'answers a scalar',
    listener: reply(200, { status: 'success', data: { resultType: 'scalar', result: [1, '2'] } }),
    failure: 'invalid_body',
  },
  { fault: 'answers no data', listener: reply(200, { status: 'success' }), failure: 'invalid_body' },
  { fault: 'answers a list', listener: reply(200, '[]'), failure: 'invalid_body' },
])('reports $failure when Prometheus $fault', async ({ listener, failure, ...rest }) => {
  const server = await startServer(listener);

  const answer = metrics(server.url).load(limitFor(failure));

  const status = 'status' in rest ? { status: rest.status } : {};
  await expect(answer).rejects.toMatchObject({ name: 'UpstreamError', upstream: 'prometheus', failure, ...status });
  expect(server.requests.length).toBe(1);
});

it('reports connect when nothing listens', async () => {
  const url = new URL(`http://127.0.0.1:${await freePort()}`);

  await expect(metrics(url).load(noLimit())).rejects.toMatchObject({ failure: 'connect', outcome: 'none' });
});

it('keeps the word for a failed query as the code of the cause', async () => {
  const server = await startServer(reply(200, { status: 'error', errorType: 'execution', error: 'long text' }));

  await expect(metrics(server.url).load(noLimit())).rejects.toMatchObject({ cause: { code: 'execution' } });
});

function metrics(
  baseUrl: URL,
  { token, log = recordedLog() }: { token?: string; log?: ReturnType<typeof recordedLog> } = {},
) {
  return createPrometheusMetrics({ baseUrl, token: () => token, query: 'a{b="c+"}', label: 'instance', log });
}

function vector(result: readonly unknown[]) {
  return { status: 'success', data: { resultType: 'vector', result } };
}
