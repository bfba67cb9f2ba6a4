import { connect, headers, type NatsConnection } from 'nats';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Stack, startStack } from '../../dev/stack.ts';
import { createNatsClient } from '../../lib/client/nats-client.ts';
import { assignAll, assignOverNats, newGames, PATIENT_TIMEOUT_MS } from '../e2e/load.ts';
import { columnTexts, figure, hasBrowser, PHONE, takePicture, useBrowser } from './support/browser.ts';

const PATIENCE = { timeout: 40_000, interval: 50 };
const GIB = 1024 ** 3;
/** What an operator is promised. */
const DEGRADED_WITHIN_MS = 5000;
const open = useBrowser();
let stack: Stack;
let nats: NatsConnection;
let page: Page;

beforeAll(async () => {
  if (!hasBrowser) return;
  stack = await startStack({ instances: 5, scrapeIntervalS: 2, relayEnv: { KEEP_WARM: '2' } });
  nats = await connect({ servers: stack.addresses.natsUrl });
});
afterAll(async () => {
  await nats?.close();
  await stack?.stop();
});

describe("the relay's own console", () => {
  beforeEach(async () => {
    ({ page } = await open(`${stack.addresses.relayUrl}/`, { token: stack.addresses.consoleToken }));
    await page.locator('#fleet-rows tr').nth(4).waitFor();
  });

  it('shows the fleet as Consul and Prometheus have it, and follows the games that are assigned', async () => {
    const fleet = await stack.fleetReport();
    expect((await columnTexts(page, 'id')).sort()).toEqual(fleet.map(({ address }) => address).sort());
    expect(new Set(await columnTexts(page, 'size'))).toEqual(new Set(['4 cores, 8 GiB']));
    const before = Number(await figure(page, 'Games in 5 min'));

    await assignAll(nats, newGames(30), 8);

    await expect.poll(async () => Number(await figure(page, 'Games in 5 min')), PATIENCE).toBe(before + 30);
    const recent = await columnTexts(page, 'recent');
    const games = recent.map((text) => Number(/\((\d+)\)/.exec(text)?.[1] ?? 0));
    expect(games.reduce((sum, each) => sum + each, 0)).toBe(before + 30);
    // What the samples do not show yet is on top of them.
    expect((await columnTexts(page, 'cpu')).some((text) => text.includes('+'))).toBe(true);
    await page.getByRole('img', { name: /^All instances: \d+ games/ }).waitFor();
    await page.getByText('NATS: serving').waitFor();
    expect(Number(await figure(page, 'In flight'))).toBeGreaterThanOrEqual(0);
  });

  it('explains what the next assignment then does', async () => {
    // So far apart that a sample more or less changes nothing.
    const fleet = [...(await stack.fleetReport())];
    for (const [index, { address }] of fleet.entries()) {
      await stack.changeInstance(address, { load: { cpuCores: 0.4, memoryBytes: (1 + index * 1.5) * GIB } });
    }
    const expected = [15, 33, 52, 71, 90];
    await expect
      .poll(async () => {
        const shares = (await columnTexts(page, 'ram')).map((text) => Number(/^\d+/.exec(text)?.[0]));
        return shares.sort((a, b) => a - b).every((share, index) => Math.abs(share - (expected[index] ?? 0)) < 6);
      }, PATIENCE)
      .toBe(true);
    const form = page.locator('#explain-form');
    await form.getByLabel('Resource level').selectOption('high');
    const allocator = createNatsClient({ connection: nats, headers, timeoutMs: PATIENT_TIMEOUT_MS });

    for (const gameId of newGames(3)) {
      await form.getByLabel('Game id').fill(gameId);
      await form.getByRole('button', { name: 'Explain' }).click();
      await page.locator('#explain-form[aria-busy=false]').waitFor();
      expect(await page.locator('#explained').textContent()).toContain('It would go to');
      const explained = await page.locator('#explained .verdict b').textContent();
      expect(await page.locator('#candidate-rows tr').count()).toBe(5);
      expect(await page.locator('#candidate-rows tr').first().locator('th').textContent()).toBe(explained);
      const scores = await page.locator('#candidate-rows tr td:nth-child(4)').allTextContents();
      expect(scores.map(Number)).toEqual(scores.map(Number).sort((a, b) => a - b));

      const reply = await allocator.assign(gameId, { resource_level: 'high' });
      expect(reply).toMatchObject({ success: true, instance_id: explained });
      expect(reply).not.toHaveProperty('replayed');
    }
    for (const { address } of fleet) await stack.changeInstance(address, { load: 'games' });
  });

  it('assigns for real, and then looks the game up and releases it', async () => {
    const [gameId = ''] = newGames(1);
    await page.locator('#explain-form').getByLabel('Game id').fill(gameId);
    await page.getByRole('button', { name: 'Assign for real' }).click();
    const assigned = page.locator('#assigned b');
    await assigned.waitFor();
    const [instanceId] = (await assigned.textContent())?.split(':') ?? [];
    expect((await assignOverNats(nats, gameId, PATIENT_TIMEOUT_MS)).reply).toMatchObject({
      instance_id: instanceId,
      replayed: true,
    });

    await page.locator('#look-up-form').getByLabel('Game id').fill(gameId);
    await page.getByRole('button', { name: 'Look up' }).click();
    await page.getByText(`It runs at ${instanceId}`, { exact: true }).waitFor();
    await page.getByRole('button', { name: 'Release this game …' }).click();
    await page.getByRole('button', { name: `Release ${gameId}` }).click();
    await page.getByText('Released: its place is free.').waitFor();
    await page.getByRole('button', { name: 'Look up' }).click();
    await page.getByText('No game of that id is assigned.').waitFor();
  });

  it('looks good', async () => {
    await assignAll(nats, newGames(60), 4);
    const url = `${stack.addresses.relayUrl}/`;
    const token = stack.addresses.consoleToken;
    for (const [name, options] of Object.entries(LOOKS)) {
      const { page: own, complaints, hosts } = await open(url, { ...options, token });
      await own.locator('#fleet-rows tr').nth(4).waitFor();
      await own.getByRole('img', { name: /^All instances/ }).waitFor();
      await own.getByText('NATS: serving').waitFor();
      await takePicture(own, name, true);
      expect(await complaints()).toEqual([]);
      expect([...hosts]).toEqual([new URL(url).host]);
    }
  });

  it('shows within 5 s that Prometheus has stopped, and when it is back', async () => {
    const stopped = performance.now();
    stack.prometheus.signal('SIGSTOP');
    await page.getByText('Prometheus does not answer').waitFor();
    const tookMs = performance.now() - stopped;
    console.log(`a stopped Prometheus is shown after ${(tookMs / 1000).toFixed(1)} s`);
    expect(tookMs).toBeLessThan(DEGRADED_WITHIN_MS);
    expect(await page.locator('.source[data-state=degraded]').allTextContents()).toEqual([
      expect.stringMatching(/^Prometheusdegraded/),
    ]);

    stack.prometheus.signal('SIGCONT');
    await expect.poll(() => page.locator('#banners').textContent(), PATIENCE).toBe('');
  });

  it('has an instance no more that fails its checks, or that is gone', async () => {
    const [first, second] = await columnTexts(page, 'id');
    await stack.changeInstance(first ?? '', { health: 'critical' });
    await page.getByText(`Failing their checks: ${first}`).waitFor();
    await expect.poll(() => columnTexts(page, 'id'), PATIENCE).not.toContain(first);
    await stack.changeInstance(second ?? '', { present: false });
    await expect.poll(() => columnTexts(page, 'id'), PATIENCE).toHaveLength(3);
    expect(await page.locator('#failing').textContent()).toBe(`Failing their checks: ${first}`);

    await stack.changeInstance(first ?? '', { health: 'passing' });
    await stack.changeInstance(second ?? '', { present: true });
    await expect.poll(() => columnTexts(page, 'id'), PATIENCE).toHaveLength(5);
  });
});

it("asks for the relay's own token", async () => {
  const { page: own } = await open(`${stack.addresses.relayUrl}/`, { token: stack.addresses.assignToken });

  await own.getByText('This token is not accepted.').waitFor();
});

describe('the function', () => {
  it('serves the same page in the same headers', async () => {
    const [ours, theirs] = await Promise.all([
      fetch(`${stack.addresses.apiUrl}/`),
      fetch(`${stack.addresses.relayUrl}/`),
    ]);

    expect(ours.status).toBe(200);
    expect(await ours.text()).toBe(await theirs.text());
    for (const name of ['content-type', 'content-security-policy', 'referrer-policy', 'cache-control']) {
      expect([name, ours.headers.get(name)]).toEqual([name, theirs.headers.get(name)]);
    }
    expect(ours.headers.get('content-security-policy')).toContain("default-src 'none'");
  });

  it('answers it as the relay does, and says where the relay is shown', async () => {
    const { page: own, complaints } = await open(`${stack.addresses.apiUrl}/`, { token: stack.addresses.assignToken });

    await own.locator('#fleet-rows tr').nth(4).waitFor();
    await own.getByText("in the relay's own console, on its port").waitFor();
    expect(await complaints()).toEqual([]);
  });
});

const LOOKS = {
  light: { colorScheme: 'light' },
  dark: { colorScheme: 'dark' },
  phone: { ...PHONE, colorScheme: 'light' },
} as const;
