import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect, headers } from 'nats';
import type { Browser, Page } from 'playwright-core';
import { createNatsClient } from '../../lib/client/nats-client.ts';
import { launchBrowser, NO_BROWSER } from '../browser.ts';
import { type Stack, startStack } from '../stack.ts';

const INSTANCES = 9;
const FLOW_MS = 180_000;
const BETWEEN_GAMES_MS = 700;
const MOST_BYTES = 200_000;
const VIEWPORT = { width: 1300, height: 860 };

/** Writes console.png and console-dark.png: a stack as `npm start` brings it up, after three minutes of games. */
export async function takeConsolePictures(folder: string, onProgress: (line: string) => void): Promise<void> {
  const browser = await launchBrowser();
  if (browser === undefined) throw new Error(`There is ${NO_BROWSER}.`);
  try {
    const stack = await startStack({ instances: INSTANCES, mixed: true, maxGames: 40, onProgress });
    try {
      onProgress(`games flow for ${FLOW_MS / 60_000} minutes`);
      await letGamesFlow(stack);
      for (const [name, colorScheme] of [
        ['console', 'light'],
        ['console-dark', 'dark'],
      ] as const) {
        await takePicture(stack, browser, join(folder, `${name}.png`), colorScheme);
      }
    } finally {
      await stack.stop();
    }
  } finally {
    await browser.close();
  }
}

/** One after another, every third a large one, in a slow wave. */
async function letGamesFlow({ addresses }: Stack): Promise<void> {
  const nats = await connect({ servers: addresses.natsUrl });
  const allocator = createNatsClient({ connection: nats, headers, timeoutMs: 3000 });
  const endAt = performance.now() + FLOW_MS;
  for (let index = 0; performance.now() < endAt; index += 1) {
    await allocator.assign(`match-${index}`, { resource_level: index % 3 === 2 ? 'high' : 'low' });
    await sleep(BETWEEN_GAMES_MS * (1 + 0.5 * Math.sin(index / 9)));
  }
  await nats.close();
}

async function takePicture(stack: Stack, browser: Browser, path: string, colorScheme: 'light' | 'dark'): Promise<void> {
  const context = await browser.newContext({ viewport: VIEWPORT, colorScheme });
  const page = await context.newPage();
  await page.goto(`${stack.addresses.relayUrl}/`);
  await page.getByLabel('Token').fill(stack.addresses.consoleToken);
  await page.keyboard.press('Enter');
  await page
    .locator('#fleet-rows tr')
    .nth(INSTANCES - 1)
    .waitFor();
  await explain(page);
  await page.screenshot({ path });
  await context.close();
  const { size } = await stat(path);
  if (size > MOST_BYTES) throw new Error(`${path} has ${size} bytes, more than ${MOST_BYTES}: make the page smaller.`);
}

async function explain(page: Page): Promise<void> {
  const form = page.locator('#explain-form');
  await form.getByLabel('Game id').fill('match-next');
  await form.getByRole('button', { name: 'Explain' }).click();
  await page.locator('#candidate-rows tr').first().waitFor();
  await page.getByText('NATS: serving').waitFor();
  // No field with the focus, no row under the pointer.
  await page.evaluate('document.activeElement.blur(); scrollTo(0, 0)');
  await page.mouse.move(0, 0);
}
