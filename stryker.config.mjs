// Mutation testing: breaks the code on purpose, thousands of times, and tells which breaks no test notices.
// Of the parts that decide without any server: the domain, and the core of the relay. `npm run mutation`.

export default {
  testRunner: 'vitest',
  vitest: { configFile: 'test/mutation.vitest.config.ts', related: false },
  plugins: ['@stryker-mutator/vitest-runner'],
  mutate: [
    'lib/domain/*.ts',
    ...[
      'batch-items',
      'hedge-calls',
      'retry-calls',
      'watch-calls',
      'deadlines',
      'latencies',
      'token-bucket',
      'outbox',
      'drain',
      'keep-warm',
      'wait-for-capacity',
      'environments',
    ].map((name) => `lib/relay/${name}.ts`),
  ],
  coverageAnalysis: 'perTest',
  concurrency: 2,
  // A copy of the project is mutated; only what these tests read is copied.
  ignorePatterns: ['/.local', '/deploy', '/dist', '/docs', '/functions'],
  // It would rewrite the copy's with the API of TypeScript, which TypeScript 7 does not have; nothing here reads one.
  tsconfigFile: 'none.json',
  tempDirName: '.local/mutation',
  reporters: ['clear-text', 'progress'],
  clearTextReporter: { allowColor: false, logTests: false, reportTests: false },
  // What cannot end is ended after this and some runs' time, ms.
  timeoutMS: 5000,
};
