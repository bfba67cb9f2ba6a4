import { expect, it } from 'vitest';
import * as commands from '../../../dev/cli/commands.ts';
import { runCli } from '../../../dev/cli/run-cli.ts';
import { freePort, type Listener, reply, startServer } from '../../support/http-server.ts';
import { fakeIo } from './fake-io.ts';

/** Runs a command over HTTP against a server that answers like this. */
async function run(answer: Listener, ...args: readonly string[]) {
  const server = await startServer(answer);
  const io = fakeIo({ env: { GAME_ALLOCATOR_URL: server.url.href, GAME_ALLOCATOR_TOKEN: 'canary-token' } });
  const code = await runCli(args, io, Object.values(commands));
  return { code, stdout: io.stdout.text(), stderr: io.stderr.text(), requests: server.requests };
}

const FAILURE = { success: false, code: 'no_capacity', message: 'Every healthy instance is full.', retryable: true };

it.each([
  { reply: { instance_id: '10.0.0.1', port: 5002 }, says: 'my-game runs on 10.0.0.1:5002' },
  { reply: { instance_id: 'a', replayed: true }, says: 'my-game runs on a (it was assigned before)' },
  {
    reply: { instance_id: 'a', reassigned: true, degraded: ['consul', 'prometheus'] },
    says: 'my-game runs on a (moved: its earlier server is gone; decided without an answer of consul and prometheus)',
  },
])('assign says: $says', async ({ reply: success, says }) => {
  const { code, stdout, stderr } = await run(reply(200, { success: true, ...success }), 'assign', 'my-game');

  expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: `${says}\n`, stderr: '' });
});

it('assign sends what its options say', async () => {
  const args = ['my-game', '--level', 'high', '--prefer', 'gpu', '--wait-ms', '250', '--timeout', '1500'];
  const { requests } = await run(reply(200, { success: true, instance_id: 'a' }), 'assign', ...args);

  expect(requests.map(({ body }) => JSON.parse(body))).toEqual([
    { game_id: 'my-game', settings: { resource_level: 'high', prefer: { gpu: true }, wait_ms: 250 } },
  ]);
  expect(requests[0]?.headers).toMatchObject({ authorization: 'Bearer canary-token', 'timeout-ms': '1500' });
});

it.each([
  { command: 'lookup', expires: 30, says: 'my-game runs on a; its record lives 30 s' },
  { command: 'lookup', expires: undefined, says: 'my-game runs on a; its record lives for ever' },
  { command: 'renew', expires: 70, says: 'my-game stays on a; its record lives 70 s' },
  { command: 'release', expires: undefined, says: 'my-game is released' },
])('$command says: $says', async ({ command, expires, says }) => {
  const success = reply(200, { success: true, instance_id: 'a', expires_in_s: expires });

  expect(await run(success, command, 'my-game')).toMatchObject({ code: 0, stdout: `${says}\n`, stderr: '' });
});

it.each(['assign', 'lookup', 'renew', 'release', 'explain'])(
  '%s tells of a failure, and what to do next',
  async (name) => {
    const { code, stdout, stderr } = await run(reply(429, FAILURE), name, 'my-game');

    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toBe(
      'no_capacity: Every healthy instance is full.\n' +
        '  `fleet` shows who is full, `explain` who would match; --wait-ms waits over NATS.\n',
    );
  },
);

it('a failure that a newer allocator may have is told without advice, and without control characters', async () => {
  const failure = { ...FAILURE, code: 'of_a_newer_version', message: 'So\u001b[31m.' };

  expect((await run(reply(503, failure), 'lookup', 'a')).stderr).toBe('of_a_newer_version: So?[31m.\n');
});

it.each(['assign', 'lookup', 'renew', 'release', 'explain'])('%s --json prints the reply as it came', async (name) => {
  const success = { success: true, instance_id: 'a', candidates: [], of_a_newer_version: true };

  expect(await run(reply(200, success), name, 'a', '--json')).toMatchObject({
    ...{ code: 0, stdout: `${JSON.stringify(success)}\n`, stderr: '' },
  });
  expect(await run(reply(429, FAILURE), name, 'a', '--json')).toMatchObject({
    ...{ code: 1, stdout: `${JSON.stringify(FAILURE)}\n`, stderr: '' },
  });
});

it('--json has nothing of what the client knows beside the reply', async () => {
  const io = fakeIo();
  const url = `http://127.0.0.1:${await freePort()}`;
  const code = await runCli(['lookup', 'a', '--json', '--url', url, '--token', 'canary'], io, Object.values(commands));

  expect(code).toBe(1);
  expect(Object.keys(JSON.parse(io.stdout.text()))).toEqual(['success', 'message', 'code', 'retryable']);
  expect(io.stdout.text()).not.toContain('canary');
});

it.each([
  { args: ['assign'], problem: /^Exactly one GAME_ID is needed\.\n\nUsage: game-allocator assign/ },
  { args: ['release', 'a', 'b'], problem: /^Exactly one GAME_ID/ },
  { args: ['explain', 'a', '--wait-ms', '5'], problem: /^Unknown option '--wait-ms'/ },
  { args: ['assign', 'a', '--wait-ms', '10001'], problem: /^--wait-ms must be a whole number from 0 to 10000\./ },
  { args: ['fleet', 'a'], problem: /^Nothing is known of "a"\./ },
  { args: ['fleet', '--sort', 'size'], problem: /^--sort must be one of cpu, ram, games, id\./ },
  { args: ['tail', '--count', '0'], problem: /^--count must be a whole number/ },
  { args: ['tail'], problem: /^Assignments are told over NATS alone: say --nats URL\./ },
  { args: ['doctor', '--skip', 'everything'], problem: /^--skip knows no everything\./ },
])('refuses $args', async ({ args, problem }) => {
  const { code, stdout, stderr, requests } = await run(reply(200, { success: true }), ...args);

  expect({ code, stdout, requests }).toEqual({ code: 2, stdout: '', requests: [] });
  expect(stderr).toMatch(problem);
});

it.each([
  { nats: 'nats://127.0.0.1:1', says: /^Nothing answers at nats:\/\/127\.0\.0\.1:1 \(ECONNREFUSED\).*npm start/ },
  { nats: 'http://a', says: /^The address of NATS must be nats:\/\/ or tls:\/\/ URLs/ },
])('says what to do where $nats cannot be asked', async ({ nats, says }) => {
  const io = fakeIo();

  expect(await runCli(['assign', 'a', '--nats', nats], io, Object.values(commands))).toBe(1);
  expect(io.stderr.text()).toMatch(says);
});
