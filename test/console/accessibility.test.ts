import axe from 'axe-core';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PHONE, takePicture, useBrowser } from './support/browser.ts';
import { type FakeDoor, startFakeDoor } from './support/fake-door.ts';
import { fakeExplanation, fakeFleet, fakeRelay } from './support/fake-fleet.ts';

const open = useBrowser();
let door: FakeDoor;

beforeAll(async () => {
  door = await startFakeDoor();
  door.routes.set('GET /fleet', () => ({ body: fakeFleet(30, 0, { failing: ['10.0.0.99'] }) }));
  door.routes.set('GET /relay', () => ({ body: fakeRelay() }));
  door.routes.set('POST /fleet/explain', () => ({ body: fakeExplanation(30) }));
  door.routes.set('GET /games/a', () => ({ body: { success: true, instance_id: '10.0.0.4', expires_in_s: 42 } }));
});
afterAll(() => door?.stop());

const VARIANTS = [
  { name: 'light', options: { colorScheme: 'light' } },
  { name: 'dark', options: { colorScheme: 'dark' } },
  { name: 'phone', options: { ...PHONE, colorScheme: 'light' } },
  { name: 'phone in the dark', options: { ...PHONE, colorScheme: 'dark' } },
] as const;

describe.each(VARIANTS)('$name', ({ name, options }) => {
  it('has nothing that axe finds fault with, breaks no rule of its policy and asks nobody but its door', async () => {
    const { page, hosts, complaints } = await open(door.url, { ...options, token: 'the-token' });
    await page.locator('#fleet-rows tr').first().waitFor();
    await page.locator('#explain-form').getByLabel('Game id').fill('match-1');
    await page.getByRole('button', { name: 'Explain' }).click();
    await page.locator('#look-up-form').getByLabel('Game id').fill('a');
    await page.getByRole('button', { name: 'Look up' }).click();
    await page.getByText('It runs at 10.0.0.4').waitFor();
    await page.locator('#candidate-rows tr').first().waitFor();
    await page.getByText('NATS: serving').waitFor();

    expect(await violationsIn(page)).toEqual([]);
    await takePicture(page, `designed ${name}`.replaceAll(' ', '-'), true);

    expect(await complaints()).toEqual([]);
    expect([...hosts]).toEqual([new URL(door.url).host]);
    // Wider than the screen is only what scrolls by itself.
    const width = await page.evaluate<number>('document.documentElement.scrollWidth');
    expect(width).toBeLessThanOrEqual(page.viewportSize()?.width ?? 0);
  });
});

describe.each(['light', 'dark'] as const)('in the %s', (colorScheme) => {
  it('the form that asks for the token is as good, also with its refusal', async () => {
    const { page } = await open(door.url, { colorScheme, token: 'another' });
    await page.getByText('This token is not accepted.').waitFor();

    expect(await violationsIn(page)).toEqual([]);
  });
});

it('trouble is as good, in the light and in the dark: degraded sources, old figures, and no network', async () => {
  const own = await startFakeDoor();
  try {
    const sources = {
      consul: { state: 'degraded', age_ms: 45_000 },
      prometheus: { state: 'off' },
      redis: { state: 'degraded' },
    } as const;
    own.routes.set('GET /fleet', () => ({ body: fakeFleet(5, 0, { sources, failing: ['10.0.0.9'] }) }));
    const { page } = await open(own.url, { token: 'the-token' });
    await page.getByText('Consul does not answer').waitFor();
    own.routes.set('GET /fleet', () => 'cut off');
    await page.getByText(/^Last answer/).waitFor();

    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme });
      expect(await violationsIn(page)).toEqual([]);
      await takePicture(page, `designed-trouble-${colorScheme}`);
    }
  } finally {
    await own.stop();
  }
});

it('is reached with the keyboard alone: skip link, sorting, the scrolled parts, the forms', async () => {
  const { page } = await open(door.url, { token: 'the-token' });
  await page.locator('#fleet-rows tr').first().waitFor();
  await page.keyboard.press('Tab');
  expect(await focused(page)).toBe('Skip to the fleet');
  await page.keyboard.press('Enter');
  expect(await page.evaluate('document.activeElement.id')).toBe('fleet-heading');

  const reached = [];
  for (let step = 0; step < 24; step += 1) {
    await page.keyboard.press('Tab');
    reached.push(await focused(page));
  }
  for (const name of ['address or status', 'Instances', 'Instance', 'CPU', 'game_id', 'Explain', 'Assign for real']) {
    expect(reached).toContain(name);
  }
  // Focus is seen.
  await page.getByRole('button', { name: 'Look up' }).focus();
  await page.keyboard.press('Shift+Tab');
  await page.keyboard.press('Tab');
  const outline = await page.evaluate('getComputedStyle(document.activeElement).outlineStyle');
  expect(outline).toBe('solid');
});

it('has landmarks and headings in order, and a table that says what it is', async () => {
  const { page } = await open(door.url, { token: 'the-token' });
  await page.locator('#fleet-rows tr').first().waitFor();

  for (const role of ['banner', 'main', 'navigation'] as const) expect(await page.getByRole(role).count()).toBe(1);
  expect(await page.getByRole('heading').allTextContents()).toEqual([
    'Game allocator game-service',
    'Fleet',
    'Explain an assignment',
    'Where recent games went',
    'Look up a game',
    'Relay',
  ]);
  const fleet = page.locator('#fleet');
  expect(await fleet.getByRole('row').count()).toBe(31);
  expect(await fleet.getByRole('columnheader').count()).toBe(8);
  expect(await fleet.getByRole('rowheader', { name: '10.0.0.7', exact: true }).count()).toBe(1);
});

/** What axe finds, also what it does not call serious: impact, rule and first places. It stays outside of the page's policy. */
async function violationsIn(page: Page): Promise<readonly string[]> {
  await page.evaluate(axe.source);
  return page.evaluate<string[]>(`axe.run(document, { resultTypes: ['violations'] }).then(({ violations }) =>
    violations.map(({ impact, id, nodes }) => impact + ' ' + id + ': ' +
      nodes.slice(0, 3).map(({ target, any }) => target + ' ' + (any[0]?.message ?? '')).join(' | ')))`);
}

function focused(page: Page): Promise<string> {
  return page.evaluate<string>(`(() => { const at = document.activeElement;
    return at.getAttribute('aria-label') || at.placeholder || at.getAttribute('name') || at.textContent.trim() })()`);
}
