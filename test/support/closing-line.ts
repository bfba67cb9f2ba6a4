import type { Reporter, TestModule, TestResult } from 'vitest/node';

/**
 * Ends a run with its counts alone on a line, as CI reads them, and before that line says of tests that were skipped for
 * a reason how many there were and why. A file that could not be run counts as one failure.
 */
export default class ClosingLine implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly unknown[]): void {
    const results = modules.flatMap((module) => [...module.children.allTests()].map((test) => test.result()));
    const broken = modules.filter((module) => module.errors().length > 0).length + unhandledErrors.length;
    const count = (state: string) => results.filter((each) => each.state === state).length;
    const skipped = count('skipped') + count('pending');
    const tail = skipped > 0 ? `, ${skipped} skipped` : '';
    const reasons = reasonsOf(results).map(([reason, times]) => `${times} skipped: ${reason}\n`);
    process.stdout.write(`\n${reasons.join('')}${count('passed')} passed, ${count('failed') + broken} failed${tail}\n`);
  }
}

function reasonsOf(results: readonly TestResult[]): readonly (readonly [reason: string, times: number])[] {
  const times = new Map<string, number>();
  for (const result of results) {
    if (result.state === 'skipped' && result.note) times.set(result.note, (times.get(result.note) ?? 0) + 1);
  }
  return [...times];
}
