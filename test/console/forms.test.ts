import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { useBrowser } from './support/browser.ts';
import { type FakeDoor, failed, startFakeDoor } from './support/fake-door.ts';
import { fakeExplanation, fakeFleet, fakeRelay } from './support/fake-fleet.ts';

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

async function opened() {
  const { page } = await open(door.url, { token: 'the-token' });
  await page.locator('#fleet-rows tr').first().waitFor();
  return page;
}

const sent = (path: string) => door.requests.filter((request) => request.path === path);

describe('the explain form', () => {
  it('asks as it was told to, writes nothing, and shows every candidate with its score and the reason', async () => {
    door.routes.set('POST /fleet/explain', () => ({ body: fakeExplanation(60) }));
    const page = await opened();
    const form = page.locator('#explain-form');
    await form.getByLabel('Game id').fill('match-1');
    await form.getByLabel('Resource level').selectOption('high');
    await form.getByLabel('Strategy').selectOption('pack');
    await form.getByLabel('Expected CPU, cores').fill('0.5');
    await form.getByLabel('Expected memory, MiB').fill('256');
    await form.getByLabel('Require').fill('region=eu, gpu');
    await form.getByLabel('Prefer').fill('zone=a');
    await form.getByRole('button', { name: 'Explain' }).click();

    const candidates = page.locator('#candidate-rows tr');
    await candidates.first().waitFor();
    expect(sent('/fleet/explain').map(({ body }) => body)).toEqual([
      {
        game_id: 'match-1',
        settings: {
          resource_level: 'high',
          strategy: 'pack',
          cpu_cores: 0.5,
          memory_bytes: 256 * 1024 ** 2,
          require: { region: 'eu', gpu: true },
          prefer: { zone: 'a' },
        },
      },
    ]);
    expect(sent('/assign')).toEqual([]);
    expect(await page.locator('#explained').textContent()).toContain('It would go to 10.0.0.1');
    expect(await candidates.first().locator('th, td').allTextContents()).toEqual([
      ...['1', '10.0.0.1', 'goes here', '0.100', '20 %', '30 %', '0', '2 s ago'],
    ]);
    expect(await candidates.nth(1).locator('td').nth(1).textContent()).toBe('higher score');

    await page.getByRole('button', { name: 'Show more (10 left)' }).click();
    expect(await candidates.count()).toBe(60);
    expect(await page.locator('#more-candidates').isVisible()).toBe(false);
  });

  it('assigns for real when it is told to, and tells both what happened and why', async () => {
    door.routes.set('POST /fleet/explain', () => ({ body: fakeExplanation(3) }));
    const assigned = { success: true, instance_id: '10.0.0.1', port: 5002, replayed: true };
    door.routes.set('POST /assign', () => ({ body: assigned }));
    const page = await opened();
    await page.locator('#explain-form').getByLabel('Game id').fill('match-2');
    await page.getByRole('button', { name: 'Assign for real' }).click();

    await page.getByText('Assigned: it runs at 10.0.0.1:5002 (an earlier request had assigned it)').waitFor();
    expect(sent('/assign').map(({ body }) => body)).toEqual([{ game_id: 'match-2' }]);
    expect(await page.locator('#candidate-rows tr').count()).toBe(3);
  });

  it("says what is wrong with a number, and gives the allocator's own words for the rest", async () => {
    const refused = failed('invalid_request', 'settings.cpu_cores must be at most 1024.');
    door.routes.set('POST /fleet/explain', () => ({ status: 400, body: refused }));
    const page = await opened();
    const form = page.locator('#explain-form');
    await form.getByLabel('Game id').fill('match-3');
    await form.getByLabel('Expected CPU, cores').fill('many');
    await form.getByRole('button', { name: 'Explain' }).click();
    await page.getByText('Expected CPU is a number of cores, such as 0.5.').waitFor();
    expect(sent('/fleet/explain')).toEqual([]);

    await form.getByLabel('Expected CPU, cores').fill('5000');
    await form.getByRole('button', { name: 'Explain' }).click();
    await page.getByText('settings.cpu_cores must be at most 1024. (invalid_request)').waitFor();
    expect(await page.locator('#explain-problem').textContent()).toBe('');
  });
});

describe('the look-up', () => {
  it('tells where a game runs, and releases it after a second click only', async () => {
    let there = true;
    door.routes.set('GET /games/a%2Fb%20c', () =>
      there
        ? { body: { success: true, instance_id: '10.0.0.4', expires_in_s: 42 } }
        : { status: 404, body: failed('not_found', 'No game with that game_id is assigned.') },
    );
    door.routes.set('DELETE /games/a%2Fb%20c', () => {
      there = false;
      return { body: { success: true } };
    });
    const page = await opened();
    const form = page.locator('#look-up-form');
    await form.getByLabel('Game id').fill('a/b c');
    await form.getByRole('button', { name: 'Look up' }).click();
    await page.getByText('It runs at 10.0.0.4').waitFor();
    await page.getByText('Its record lives for another 42 s.').waitFor();

    await page.getByRole('button', { name: 'Release this game …' }).click();
    await page.getByRole('button', { name: 'Keep it' }).click();
    expect(there).toBe(true);
    await page.getByRole('button', { name: 'Release this game …' }).click();
    await page.getByRole('button', { name: 'Release a/b c' }).click();
    await page.getByText('Released: its place is free.').waitFor();
    expect(there).toBe(false);

    await form.getByRole('button', { name: 'Look up' }).click();
    await page.getByText('No game of that id is assigned.').waitFor();
    expect(await page.locator('#release').isVisible()).toBe(false);
  });

  it('tells of a record that never expires, as other services may write', async () => {
    door.routes.set('GET /games/foreign', () => ({ body: { success: true, instance_id: '10.0.0.4' } }));
    const page = await opened();
    await page.locator('#look-up-form').getByLabel('Game id').fill('foreign');
    await page.getByRole('button', { name: 'Look up' }).click();

    await page.getByText('Its record never expires.').waitFor();
  });

  it('asks for a token anew where it is not accepted any more', async () => {
    // Neither of the questions that the page asks by itself may be the one that is refused.
    door.routes.set('GET /relay', () => 'never');
    const page = await opened();
    door.requests.length = 0;
    door.routes.set('GET /fleet', () => 'never');
    await expect.poll(() => sent('/fleet').length, PATIENCE).toBeGreaterThan(0);
    door.token = 'a-new-one';
    await page.locator('#look-up-form').getByLabel('Game id').fill('a');
    await page.getByRole('button', { name: 'Look up' }).click();

    await page.getByText('The token is no longer accepted').waitFor();
  });
});

describe("the relay's part", () => {
  it('shows its rates, percentiles and counts', async () => {
    door.routes.set('GET /relay', () => ({ body: fakeRelay() }));
    const page = await opened();

    await page.getByText('0.1.0, up for 67 min, NATS: serving').waitFor();
    expect(await page.locator('#relay-rates div').allTextContents()).toEqual([
      ...['Requests/s412.4', 'Failures/s0.1', 'In flight3', 'p502.3 ms', 'p958.7 ms', 'p9931 ms'],
    ]);
    expect(await page.locator('#relay-counts div').allTextContents()).toContain('Failed: no capacity3');
  });

  it('says where they are when it is a function that serves the page', async () => {
    const page = await opened();

    await page.getByText("in the relay's own console, on its port").waitFor();
    expect(await page.locator('#relay-rates').isVisible()).toBe(false);
  });
});
