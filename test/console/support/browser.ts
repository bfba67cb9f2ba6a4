import { mkdir } from 'node:fs/promises';
import { join, relative } from 'node:path';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, onTestFinished } from 'vitest';
import { launchBrowser, NO_BROWSER } from '../../../dev/browser.ts';
import { findBrowser } from '../../../dev/find-browser.mjs';
import { PROJECT_ROOT } from '../../../dev/find-server.mjs';

const PICTURES = join(PROJECT_ROOT, '.local', 'console');

/** Whether there is a browser at all; what only its tests need is not started without it. */
export const hasBrowser = findBrowser() !== undefined;

export const PHONE: BrowserContextOptions = {
  viewport: { width: 390, height: 844 },
  deviceScaleFactor: 2,
  isMobile: true,
  hasTouch: true,
};

export interface OpenOptions extends BrowserContextOptions {
  /** Typed into the form that asks for it; absent: the form is left as it is. */
  readonly token?: string;
}

export interface Watched {
  readonly page: Page;
  /** Hosts that the page asked. */
  readonly hosts: ReadonlySet<string>;
  /** What the page's policy refused, and errors that nobody caught. */
  readonly complaints: () => Promise<readonly string[]>;
}

/** One browser for the tests of a file, a window of its own for each; without a browser all are skipped, and say why. */
export function useBrowser() {
  let browser: Browser | undefined;
  beforeAll(async () => {
    browser = await launchBrowser();
  });
  afterAll(() => browser?.close());
  beforeEach((context) => {
    if (browser === undefined) context.skip(NO_BROWSER);
  });

  return async function open(url: string, { token, ...options }: OpenOptions = {}): Promise<Watched> {
    if (browser === undefined) throw new Error(NO_BROWSER);
    const context = await browser.newContext({ viewport: { width: 1440, height: 1000 }, ...options });
    context.setDefaultTimeout(20_000);
    onTestFinished(() => context.close());
    await context.addInitScript(WATCH_POLICY);
    const page = await context.newPage();
    const hosts = new Set<string>();
    const errors: string[] = [];
    page.on('request', (request) => hosts.add(new URL(request.url()).host));
    page.on('pageerror', ({ message }) => errors.push(message));
    await page.goto(url);
    if (token !== undefined) {
      await page.getByLabel('Token').fill(token);
      await page.getByRole('button', { name: 'Open the console' }).click();
    }
    const violations = () => page.evaluate<string[]>('window.policyViolations');
    return { page, hosts, complaints: async () => [...errors, ...(await violations())] };
  };
}

const WATCH_POLICY = `
  window.policyViolations = [];
  document.addEventListener('securitypolicyviolation', ({ violatedDirective, blockedURI }) =>
    window.policyViolations.push(violatedDirective + ' ' + blockedURI));`;

/** For people to look at: in .local/console, its path in the output of the tests. */
export async function takePicture(page: Page, name: string, fullPage = false): Promise<void> {
  await mkdir(PICTURES, { recursive: true });
  const path = join(PICTURES, `${name}.png`);
  // Rows out of view are not drawn.
  await page.evaluate('new Promise((drawn) => { scrollTo(0, 0); requestAnimationFrame(() => setTimeout(drawn)) })');
  await page.screenshot({ path, fullPage });
  console.log(`picture: ${relative(process.cwd(), path)}`);
}

/** The texts of a column of the fleet, from the top. */
export function columnTexts(page: Page, key: string): Promise<string[]> {
  return page.locator(`#fleet-rows tr:visible .c-${key}`).allTextContents();
}

/** The value of a figure by its name. */
export async function figure(page: Page, name: string): Promise<string | null> {
  return page
    .locator('.figures div', { has: page.getByText(name, { exact: true }) })
    .locator('dd')
    .textContent();
}
