import { afterEach, expect, it, vi } from 'vitest';
import type { TestModule } from 'vitest/node';
import ClosingLine from './closing-line.ts';

afterEach(() => vi.restoreAllMocks());

/** As much of a file of tests as is read of it. */
function moduleOf(results: readonly { readonly state: string; readonly note?: string }[], errors = 0): TestModule {
  return {
    children: { allTests: () => results.map((result) => ({ result: () => result })) },
    errors: () => Array.from({ length: errors }),
  } as unknown as TestModule;
}

function written(modules: readonly TestModule[]): string {
  const write = vi.spyOn(process.stdout, 'write').mockReturnValue(true);
  new ClosingLine().onTestRunEnd(modules, []);
  return write.mock.calls.map(([text]) => text).join('');
}

it('counts, and counts a file that could not be run as one failure', () => {
  const modules = [moduleOf([{ state: 'passed' }, { state: 'failed' }]), moduleOf([{ state: 'passed' }], 1)];

  expect(written(modules)).toBe('\n2 passed, 2 failed\n');
});

it('says before that how many were skipped for a reason, and why', () => {
  const reason = { state: 'skipped', note: 'no browser' };

  expect(written([moduleOf([reason, { state: 'passed' }]), moduleOf([reason, { state: 'skipped' }])])).toBe(
    '\n2 skipped: no browser\n1 passed, 0 failed, 3 skipped\n',
  );
});
