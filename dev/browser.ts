import { type Browser, chromium } from 'playwright-core';
import { findBrowser } from './find-browser.mjs';

/** What to say where there is none. */
export const NO_BROWSER =
  'no Chromium on PATH, in CHROME_PATH or in .local/browser, and none could be downloaded (node dev/run.mjs --browser)';

/** Undefined where there is no browser. The caller closes it. */
export async function launchBrowser(): Promise<Browser | undefined> {
  const found = findBrowser();
  if (found === undefined) return undefined;
  return chromium.launch({
    executablePath: found.command,
    env: { ...(process.env as Record<string, string>), ...found.env },
    // Its sandbox needs what containers and CI do not give; it is shown nothing but our own page.
    chromiumSandbox: false,
  });
}
