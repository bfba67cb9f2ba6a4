import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { parse } from 'yaml';
import { DEFAULT_BUDGET_MS, FUNCTION_MARGIN_MS, REPLY_MARGIN_MS } from '../../lib/api/request-headers.ts';
import { constantIn } from './constant-in.ts';

const read = async (file: string) => parse(await readFile(fileURLToPath(new URL(file, import.meta.url)), 'utf8'));
const { provider, params } = await read('../../serverless.yml');
const { Resources: relay } = await read('../../deploy/aws/relay-service.yml');
const { Resources: alarms } = await read('../../deploy/aws/alarms.yml');
const [container] = relay.RelayTask.Properties.ContainerDefinitions;

/** The placement call and its way back, ms: what a source must leave (design.md 3.6). */
const PLACEMENT_MS = 120;

it('nests the times of a request: caller, reply, function, sources, placement', async () => {
  const callerMs = await constantIn('lib/api/request-headers.ts', 'DEFAULT_TIMEOUT_MS');
  const replyMs = callerMs - REPLY_MARGIN_MS;
  const sourceMs = await constantIn('lib/app/fleet-views.ts', 'SOURCE_TIMEOUT_MS');
  const reservedMs = await constantIn('lib/app/fleet-views.ts', 'RESERVED_MS');
  const firstListMs = await constantIn('lib/app/fleet-views.ts', 'FIRST_LIST_TIMEOUT_MS');
  const savedListMs = await constantIn('lib/app/fleet-views.ts', 'SAVED_LIST_MS');

  expect([callerMs, replyMs, DEFAULT_BUDGET_MS]).toEqual([500, 450, 435]);
  expect(FUNCTION_MARGIN_MS).toBe(replyMs - DEFAULT_BUDGET_MS);
  expect(reservedMs).toBeGreaterThan(PLACEMENT_MS);
  expect(await constantIn('lib/compose.ts', 'RESERVED_MS')).toBe(reservedMs);
  expect(sourceMs).toBeLessThanOrEqual(DEFAULT_BUDGET_MS - reservedMs);
  // A cold environment asks twice, one after the other: Consul, and for the saved list where that fails.
  expect(firstListMs + savedListMs).toBeLessThanOrEqual(DEFAULT_BUDGET_MS - reservedMs);
});

it('leaves the limit of Lambda outside, also of the reading of secrets that a cold start begins with', async () => {
  const lambdaMs = provider.timeout * 1000;

  expect(lambdaMs).toBeGreaterThanOrEqual(10 * DEFAULT_BUDGET_MS);
  expect(lambdaMs).toBeGreaterThan((await constantIn('lib/compose.ts', 'FIRST_READ_MS')) + DEFAULT_BUDGET_MS);
});

it('lets a relay end in its own time: for what it has, and for each step that a server has to answer', async () => {
  const drainMs =
    (await constantIn('lib/relay/drain.ts', 'IDLE_LIMIT_MS')) +
    3 * (await constantIn('lib/relay/drain.ts', 'STEP_LIMIT_MS'));
  const { services } = await read('../../deploy/compose.yaml');

  expect(container.StopTimeout * 1000).toBeGreaterThan(drainMs);
  expect(Number.parseInt(services.relay.stop_grace_period, 10) * 1000).toBeGreaterThan(drainMs);
});

it('asks a relay for its health in less time than the check has', async () => {
  expect(await constantIn('lib/relay/ask-health.ts', 'LIMIT_MS')).toBeLessThan(container.HealthCheck.Timeout * 1000);
});

it('waits for two lines of each relay before it is taken for silent', async () => {
  const everyMs = await constantIn('lib/relay/heartbeat.ts', 'EVERY_MS');

  expect(alarms.RelayDisconnectedAlarm.Properties.Period * 1000).toBe(2 * everyMs);
});

it('calls a duration too long from the time on after which no reply waits for it', () => {
  expect(params.default.alarmDurationMs).toBeGreaterThanOrEqual(DEFAULT_BUDGET_MS);
  expect(params.default.alarmDurationMs).toBeLessThan(500);
});
