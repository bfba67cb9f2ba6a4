import { defineConfig } from 'vitest/config';

// Real servers on two shared cores: a limit here only ends a test that hangs, it is never what a test measures.
const limits = { testTimeout: 60_000, hookTimeout: 180_000 };

// What our processes say during the run is collected, and searched for secrets by the last project.
const collected = {
  globalSetup: './test/support/collect-transcripts.ts',
  setupFiles: './test/support/record-replies.ts',
};

export default defineConfig({
  test: {
    reporters: ['default', './test/support/printed-transcript.ts', './test/support/closing-line.ts'],
    maxWorkers: 2,
    projects: [
      {
        test: {
          ...limits,
          ...collected,
          name: 'parts',
          include: ['test/**/*.test.ts'],
          exclude: ['test/e2e/**', 'test/faults/**', 'test/console/**', 'test/canary/**'],
          sequence: { groupOrder: 1 },
        },
      },
      {
        // Each starts a whole stack: one after another, when the others are done.
        test: {
          ...limits,
          ...collected,
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts'],
          fileParallelism: false,
          sequence: { groupOrder: 2 },
        },
      },
      {
        // Real faults on whole stacks, which would disturb whatever runs beside them.
        test: {
          ...limits,
          ...collected,
          name: 'faults',
          include: ['test/faults/**/*.test.ts'],
          fileParallelism: false,
          sequence: { groupOrder: 3 },
        },
      },
      {
        // A browser beside whole stacks, and figures of how long a page is blocked: nothing else may run.
        test: {
          ...limits,
          ...collected,
          name: 'console',
          include: ['test/console/**/*.test.ts'],
          fileParallelism: false,
          sequence: { groupOrder: 4 },
        },
      },
      {
        // The last: it looks for secrets in all that the others have left.
        test: {
          ...limits,
          ...collected,
          name: 'canary',
          include: ['test/canary/**/*.test.ts'],
          fileParallelism: false,
          sequence: { groupOrder: 5 },
        },
      },
    ],
  },
});
