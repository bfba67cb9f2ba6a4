import { defineConfig } from 'vitest/config';

/** The tests of what stryker.config.mjs mutates: none of them starts a server. */
export default defineConfig({
  test: {
    include: ['test/domain/**/*.test.ts', 'test/relay/**/*.test.ts'],
    exclude: ['test/relay/ask-health.test.ts', 'test/relay/life-of-games.test.ts'],
  },
});
