import { expect, it } from 'vitest';
import type { Output } from '../../../dev/cli/command.ts';
import { createLineWriter } from '../../../dev/cli/line-writer.ts';

/** An output whose writes end when they are told to. */
function slowOutput() {
  const writes: { readonly text: string; readonly end: () => void }[] = [];
  const output: Output = {
    write: (text) => new Promise((resolve) => writes.push({ text, end: resolve })),
    isTerminal: false,
    colour: false,
    size: () => ({ columns: 80, rows: 24 }),
  };
  return { output, writes };
}
const turn = () => new Promise((resolve) => setImmediate(resolve));

it('writes together what comes together, and what comes during a write in the next', async () => {
  const { output, writes } = slowOutput();
  const writer = createLineWriter(output);
  writer.add('a');
  writer.add('b');
  await turn();
  writer.add('c');
  writer.add('d');
  await turn();

  expect(writes.map(({ text }) => text)).toEqual(['a\nb\n']);
  writes[0]?.end();
  await turn();
  expect(writes.map(({ text }) => text)).toEqual(['a\nb\n', 'c\nd\n']);

  const ended = writer.end();
  writes[1]?.end();
  expect(await ended).toBe(0);
});

it('writes again after a pause', async () => {
  const { output, writes } = slowOutput();
  const writer = createLineWriter(output);
  writer.add('a');
  await turn();
  writes[0]?.end();
  await turn();
  writer.add('b');
  await turn();

  expect(writes.map(({ text }) => text)).toEqual(['a\n', 'b\n']);
});

it('loses and counts what a reader that stands still leaves no room for', async () => {
  const { output, writes } = slowOutput();
  const writer = createLineWriter(output, 2);
  writer.add('a');
  await turn();
  for (const line of ['b', 'c', 'd', 'e']) writer.add(line);
  const ended = writer.end();
  for (let written = 0; written < 2; written += 1) {
    writes[written]?.end();
    await turn();
  }

  expect(writes.map(({ text }) => text)).toEqual(['a\n', 'b\nc\n']);
  expect(await ended).toBe(2);
});
