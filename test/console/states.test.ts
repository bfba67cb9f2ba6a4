import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { columnTexts, useBrowser } from './support/browser.ts';
import { type FakeDoor, failed, startFakeDoor } from './support/fake-door.ts';
import { fakeFleet } from './support/fake-fleet.ts';

const PATIENCE = { timeout: 20_000, interval: 50 };
const open = useBrowser();
let door: FakeDoor;

beforeAll(async () => {
  door = await startFakeDoor();
});
afterAll(() => door?.stop());
beforeEach(() => {
  door.token = 'the-token';
  door.requests.length = 0;
  door.routes.clear();
  door.routes.set('GET /fleet', () => ({ body: fakeFleet(5) }));
});

describe('the token', () => {
  it('is asked for once, is in no address, and is forgotten on demand', async () => {
    const { page } = await open(door.url, { token: 'the-token' });
    await page.locator('#fleet-rows tr').first().waitFor();

    await page.reload();

    await page.locator('#fleet-rows tr').first().waitFor();
    expect(await page.locator('#gate').isVisible()).toBe(false);
    expect(page.url()).toBe(door.url);
    expect(door.requests.filter(({ path }) => path.includes('the-token'))).toEqual([]);

    await page.getByRole('button', { name: 'Forget token' }).click();
    expect(await page.locator('#gate').isVisible()).toBe(true);
    await page.reload();
    expect(await page.locator('#gate').isVisible()).toBe(true);
  });

  it('that is wrong is said to be, and the next try is let in', async () => {
    const { page } = await open(door.url, { token: 'another' });

    await expect.poll(() => page.locator('#gate-problem').textContent(), PATIENCE).toBe('This token is not accepted.');
    await page.getByLabel('Token').fill('the-token');
    await page.keyboard.press('Enter');

    await page.locator('#fleet-rows tr').first().waitFor();
  });

  it('that is taken back in the middle is asked for anew, and a reload does not use it again', async () => {
    const { page } = await open(door.url, { token: 'the-token' });
    await page.locator('#fleet-rows tr').first().waitFor();

    door.token = 'a-new-one';

    await expect.poll(() => page.locator('#gate-problem').textContent(), PATIENCE).toContain('no longer accepted');
    expect(await page.locator('#console').isVisible()).toBe(false);
    await page.reload();
    await page.locator('#gate').waitFor();
    await page.getByLabel('Token').fill('a-new-one');
    await page.keyboard.press('Enter');
    await page.locator('#fleet-rows tr').first().waitFor();
  });

  it('cannot be tried without a network, which is no word against it', async () => {
    door.routes.set('GET /fleet', () => 'cut off');
    const { page } = await open(door.url, { token: 'the-token' });

    await expect.poll(() => page.locator('#gate-problem').textContent(), PATIENCE).toContain('cannot be reached');
  });
});

it('says that it waits while the first answer is not there', async () => {
  const { page } = await open(door.url, { token: 'the-token' });
  await page.locator('#fleet-rows tr').first().waitFor();
  door.routes.set('GET /fleet', () => 'never');

  await page.reload();

  await page.getByText('Asking the allocator …').waitFor();
  expect(await page.locator('#fleet').getAttribute('aria-busy')).toBe('true');
  expect(await page.locator('#fleet-loading').isVisible()).toBe(true);
});

it('says so when Consul lists no instance', async () => {
  door.routes.set('GET /fleet', () => ({ body: fakeFleet(0) }));
  const { page } = await open(door.url, { token: 'the-token' });

  await page.getByText('Consul lists no instance of game-service.').waitFor();
  await page.getByText('No game was placed in the last 5 minutes.').waitFor();
});

it('says so when all instances fail, and names them', async () => {
  door.routes.set('GET /fleet', () => ({ body: fakeFleet(0, 0, { failing: ['10.0.0.1', '10.0.0.2'] }) }));
  const { page } = await open(door.url, { token: 'the-token' });

  await page.getByText('Every instance of game-service fails its checks.').waitFor();
  await page.getByText('Failing their checks: 10.0.0.1, 10.0.0.2').waitFor();
});

it('keeps showing what was known when the network is gone, says so, and goes on when it is back', async () => {
  const { page } = await open(door.url, { token: 'the-token' });
  await page.locator('#fleet-rows tr').first().waitFor();

  door.routes.set('GET /fleet', () => 'cut off');
  await page.getByText('The allocator cannot be reached.').waitFor();
  expect(await columnTexts(page, 'id')).toHaveLength(5);
  await page.getByText(/^Last answer \d+ s ago$/).waitFor();

  door.routes.set('GET /fleet', () => ({ body: fakeFleet(6) }));
  await expect.poll(() => columnTexts(page, 'id'), PATIENCE).toHaveLength(6);
  expect(await page.locator('#banners').textContent()).toBe('');
  await page.getByText('Live', { exact: true }).waitFor();
});

it("gives a server's own message", async () => {
  door.routes.set('GET /fleet', () => ({ status: 503, body: failed('upstream_unavailable', 'Consul has no list.') }));
  const { page } = await open(door.url, { token: 'the-token' });

  await page.getByText('The allocator answers “upstream_unavailable”: Consul has no list.').waitFor();
});

it('says which dependency is degraded, and nothing when it is well again', async () => {
  const degraded = fakeFleet(5, 0, {
    degraded: ['consul', 'prometheus', 'redis'],
    sources: {
      consul: { state: 'degraded', age_ms: 45_000 },
      prometheus: { state: 'degraded' },
      redis: { state: 'degraded' },
    },
  });
  door.routes.set('GET /fleet', () => ({ body: degraded }));
  const { page } = await open(door.url, { token: 'the-token' });

  for (const text of ['Consul does not answer', 'Prometheus does not answer', 'Redis does not answer']) {
    await page.getByText(text).waitFor();
  }
  expect(await page.locator('.source').allTextContents()).toEqual([
    'Consuldegraded, 45 s ago',
    'Prometheusdegraded',
    'Redisdegraded',
  ]);

  door.routes.set('GET /fleet', () => ({ body: fakeFleet(5) }));
  await expect.poll(() => page.locator('#banners').textContent(), PATIENCE).toBe('');
});

it('works under the path of a stage', async () => {
  const staged = await startFakeDoor('/prod');
  try {
    staged.routes.set('GET /fleet', () => ({ body: fakeFleet(3) }));
    const { page } = await open(staged.url, { token: 'the-token' });

    await expect.poll(() => columnTexts(page, 'id'), PATIENCE).toHaveLength(3);
  } finally {
    await staged.stop();
  }
});
