import { expect, it, vi } from 'vitest';
import { fleet } from '../../../dev/cli/commands/fleet.ts';
import { hang, type Listener, reply, startServer } from '../../support/http-server.ts';
import { type FakeIo, fakeIo } from './fake-io.ts';
import { fleetOf, instance } from './fleets.ts';

const REPLY = fleetOf([instance('10.0.0.1'), instance('10.0.0.2')]);
const WINDOW = { columns: 100, rows: 20 };

/** Starts it against a server that answers like this, one after another and then as the last. */
async function start(io: FakeIo, answers: readonly Listener[], ...args: readonly string[]) {
  let asked = 0;
  const server = await startServer((request, response, body) => {
    const answer = answers[Math.min(asked, answers.length - 1)] ?? hang;
    asked += 1;
    answer(request, response, body);
  });
  return { server, code: fleet.run([...args, '--url', server.url.href], io) };
}
/** Not every second of a test's time. */
const patiently = { timeout: 30_000, interval: 20 };

it('prints the whole table once where nobody looks at a terminal', async () => {
  const io = fakeIo();
  const many = fleetOf(Array.from({ length: 100 }, (_, index) => instance(`10.0.0.${index}`)));
  const { code, server } = await start(io, [reply(200, many)]);

  expect(await code).toBe(0);
  expect(io.stdout.text()).not.toContain('\u001b');
  expect(io.stdout.text().split('\n')).toHaveLength(100 + 5 + 1);
  expect(server.requests).toHaveLength(1);
});

it.each([{ args: ['--once'] }, { args: ['--once', '--json'] }])(
  'asks once with $args, also in a terminal',
  async ({ args }) => {
    const io = fakeIo({ terminal: WINDOW });
    const { code, server } = await start(io, [reply(200, REPLY)], ...args);

    expect(await code).toBe(0);
    expect(server.requests).toHaveLength(1);
    if (args.includes('--json')) expect(io.stdout.text()).toBe(`${JSON.stringify(REPLY)}\n`);
    else expect(io.stdout.text()).toMatch(/^game-service at 12:34:56 UTC: 2 eligible;/);
  },
);

it('draws anew each second in a terminal until it is stopped, and leaves the window as it was', async () => {
  const io = fakeIo({ terminal: WINDOW });
  const { code } = await start(io, [reply(200, REPLY)]);
  await vi.waitFor(() => expect(io.stdout.text().split('\u001b[H').length - 1).toBeGreaterThanOrEqual(2), patiently);
  io.stop();

  expect(await code).toBe(0);
  expect(io.stdout.text().startsWith('\u001b[?1049h\u001b[?25l')).toBe(true);
  expect(io.stdout.text().endsWith('\u001b[?25h\u001b[?1049l')).toBe(true);
});

it('keeps the last table, and says what is the matter above it', async () => {
  const io = fakeIo({ terminal: WINDOW });
  const { code } = await start(io, [reply(200, REPLY), reply(200, REPLY), reply(401, '')]);
  await vi.waitFor(() => expect(io.stdout.text()).toContain('unauthorised'), patiently);
  const last = io.stdout.text().split('\u001b[H').at(-1);
  io.stop();

  expect(last).toMatch(/unauthorised: HTTP 401[\s\S]*GAME_ALLOCATOR_TOKEN[\s\S]*10\.0\.0\.1:5002/);
  expect(await code).toBe(1);
});

it('prints a line of JSON each second', async () => {
  const io = fakeIo();
  const { code } = await start(io, [reply(200, REPLY)], '--json');
  await vi.waitFor(() => expect(io.stdout.text().split('\n').length).toBeGreaterThan(2), patiently);
  io.stop();

  expect(await code).toBe(0);
  for (const line of io.stdout.text().trimEnd().split('\n')) expect(JSON.parse(line)).toEqual(REPLY);
});

it('shows no empty window where nothing answers', async () => {
  const io = fakeIo({ terminal: WINDOW });
  const { code } = await start(io, [reply(401, '')]);

  expect(await code).toBe(1);
  expect(io.stdout.text()).toBe('');
  expect(io.stderr.text()).toMatch(/^unauthorised: HTTP 401/);
});

it('ends at once also while it waits for an answer', async () => {
  const io = fakeIo({ terminal: WINDOW });
  const { code, server } = await start(io, [reply(200, REPLY), reply(200, REPLY), hang], '--timeout', '10000');
  await vi.waitFor(() => expect(server.requests).toHaveLength(3), patiently);
  io.stop();

  expect(await code).toBe(0);
  expect(io.stdout.text().endsWith('\u001b[?25h\u001b[?1049l')).toBe(true);
  expect(server.sockets.size).toBeGreaterThan(0); // nobody has answered the third
});
