import { PassThrough } from 'node:stream';
import { expect, it } from 'vitest';
import { askPerson } from '../../dev/ssm/ask-person.ts';

/** A terminal that shows what is written to it, and notes when it is told to show no keys. */
function terminal() {
  const raw: boolean[] = [];
  const input = Object.assign(new PassThrough(), { isTTY: true as const, setRawMode: (on: boolean) => raw.push(on) });
  let shown = '';
  const output = new PassThrough();
  output.on('data', (text) => {
    shown += text;
  });
  let interrupted = 0;
  const person = askPerson(input as never, output, () => {
    interrupted += 1;
  });
  return { input, raw, person, shown: () => shown, interrupted: () => interrupted };
}

it('shows nothing of what is typed or pasted, and takes back what is erased', async () => {
  const { input, raw, person, shown } = terminal();
  input.write('secrex\u007ft\r');

  expect(await person.askHidden('token: ')).toBe('secret');

  expect(shown()).toBe('token: \n');
  expect(raw).toEqual([true, false]);
});

it('keeps what is pasted beyond a line for the next question, and shows the answer to that', async () => {
  const { input, person, shown } = terminal();
  input.write('one\r\nyes\n');

  expect(await person.askHidden('1: ')).toBe('one');
  expect(await person.confirm('2: ')).toBe(true);

  expect(shown()).toBe('1: \n2: yes\n');
});

it.each([
  { key: '\u0003', interrupted: 1 },
  { key: '\u0004', interrupted: 0 },
])('gives the terminal back when it is left with a key', async ({ key, interrupted }) => {
  const { input, raw, person, ...seen } = terminal();
  input.write(key);

  expect(await person.askHidden('token: ')).toBe(undefined);

  expect(raw).toEqual([true, false]);
  expect(seen.interrupted()).toBe(interrupted);
});

it('takes no for an answer where nobody is there any more', async () => {
  const input = new PassThrough();
  input.end();

  expect(await askPerson(input as never, new PassThrough(), () => {}).confirm('sure? ')).toBe(false);
});
