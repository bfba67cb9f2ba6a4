import type { Reporter, TestCase } from 'vitest/node';
import { openTranscript, type Transcript } from '../../dev/servers/transcripts.ts';

/** Collects what a run prints of its tests: what they wrote, and how they failed. */
export default class PrintedTranscript implements Reporter {
  #transcript: Transcript | undefined;

  onTestCaseResult(test: TestCase): void {
    const { state, errors } = test.result();
    // Not its name, in which secrets may be that a test made up for itself.
    this.#write(`${state} ${test.module.relativeModuleId}`);
    for (const { message, stack, diff } of errors ?? []) this.#write([message, stack, diff].join('\n'));
  }

  onUserConsoleLog({ content }: { readonly content: string }): void {
    this.#write(content);
  }

  #write(text: string): void {
    // Not before the folder is there, which the global set-up makes.
    this.#transcript ??= openTranscript('printed', 'vitest');
    this.#transcript?.write(text);
  }
}
