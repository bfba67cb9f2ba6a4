import { describe, expect, it } from 'vitest';
import { CannotGoOn, type Command, WrongUsage } from '../../../dev/cli/command.ts';
import * as all from '../../../dev/cli/commands.ts';
import { runCli } from '../../../dev/cli/run-cli.ts';
import packageJson from '../../../package.json' with { type: 'json' };
import { fakeIo } from './fake-io.ts';

const commands: readonly Command[] = Object.values(all);

async function run(args: readonly string[], known = commands) {
  const io = fakeIo();
  const code = await runCli(args, io, known);
  return { code, stdout: io.stdout.text(), stderr: io.stderr.text() };
}

/** A command that does this. */
function doing(act: Command['run']): Command[] {
  return [{ name: 'act', summary: 'does it', usage: 'Usage: act', run: act }];
}

it.each([[['--help']], [['-h']], [['help']]])('lists every command for %j', async (args) => {
  const { code, stdout, stderr } = await run(args);

  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  for (const { name, summary } of commands)
    expect(stdout).toMatch(new RegExp(`^  ${name} +${summary.replace('?', '\\?')}$`, 'm'));
});

it('says its version', async () => {
  expect(await run(['--version'])).toEqual({ code: 0, stdout: `${packageJson.version}\n`, stderr: '' });
});

describe.each(commands)('$name --help', ({ name, usage, run: act }) => {
  it.each([[[name, '--help']], [['help', name]], [[name, 'x', '-h']]])('is printed for %j', async (args) => {
    expect(await run(args)).toEqual({ code: 0, stdout: `${usage}\n`, stderr: '' });
  });

  it('says how to call it, what comes out, and gives examples', () => {
    expect(usage).toMatch(new RegExp(`^Usage: game-allocator ${name}[ \n]`));
    expect(usage).toMatch(new RegExp(`\n\nExamples:\n  game-allocator ${name}`));
    expect(usage).toMatch(/\n\nExits 0 .*1 .*2 for wrong usage\.$/s);
    expect(usage).toContain('--json');
    for (const line of usage.split('\n')) expect(line.length).toBeLessThanOrEqual(120);
  });

  it('names options that there are', async () => {
    const options = [...usage.matchAll(/^ {2}(--[a-z-]+)/gm)].map(([, option = '']) => option);
    expect(options.length).toBeGreaterThan(2);

    for (const option of options.filter((each) => each !== '--help')) {
      const refusal = await act([option, '--nonsense'], fakeIo()).catch((error: unknown) => error);
      expect(refusal).toBeInstanceOf(WrongUsage);
      expect(String(refusal)).not.toContain(`'${option}'. To specify`);
      expect(String(refusal)).not.toContain(`Unknown option '${option}'`);
    }
  });

  it('says what is wrong with an option that there is not', async () => {
    const { code, stdout, stderr } = await run([name, '--nonsense']);

    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(/^Unknown option '--nonsense'/);
    expect(stderr).toContain(usage);
  });
});

it.each([
  { typed: 'asign', meant: 'assign' },
  { typed: 'fleets', meant: 'fleet' },
  { typed: 'EXPLAIN', meant: 'explain' },
  { typed: 'tial', meant: 'tail' },
  { typed: 'hlep', meant: 'help' },
])('guesses that $typed was to be $meant', async ({ typed, meant }) => {
  const { code, stdout, stderr } = await run([typed]);

  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  expect(stderr).toMatch(new RegExp(`^There is no command "${typed}"\\. Did you mean ${meant}\\?\n\nUsage: `));
});

it.each(['kubernetes', 'x', '--nonsense'])('guesses nothing for %s', async (typed) => {
  const { code, stderr } = await run([typed]);

  expect(code).toBe(2);
  expect(stderr).not.toContain('Did you mean');
});

it('asks for a command where there is none', async () => {
  expect(await run([])).toMatchObject({
    code: 2,
    stdout: '',
    stderr: expect.stringMatching(/^Which command\?\n\nUsage/),
  });
});

it('gives the exit code of the command, and the arguments to it', async () => {
  const given: (readonly string[])[] = [];
  const act = doing(async (args) => {
    given.push(args);
    return 7;
  });

  expect((await run(['act', 'a', '--b', '--', '--help'], act)).code).toBe(7);
  expect(given).toEqual([['a', '--b', '--', '--help']]);
});

it('tells wrong usage from what cannot be done, and hides no defect', async () => {
  const fail = (error: Error) =>
    run(
      ['act'],
      doing(() => Promise.reject(error)),
    );

  expect(await fail(new WrongUsage('Not so.'))).toEqual({ code: 2, stdout: '', stderr: 'Not so.\n\nUsage: act\n' });
  expect(await fail(new CannotGoOn('Start it.'))).toEqual({ code: 1, stdout: '', stderr: 'Start it.\n' });
  await expect(fail(new Error('a defect'))).rejects.toThrow('a defect');
});
