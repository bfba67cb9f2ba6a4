import type { Page } from '../../lib/api/page.ts';

/** The console, until it is built. */
export const page: Page = { html: '<!doctype html><title>Console</title>', headers: {} };
