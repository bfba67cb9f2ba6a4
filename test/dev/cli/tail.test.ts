import { connect, type NatsConnection, TimeoutError } from 'nats';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { tail } from '../../../dev/cli/commands/tail.ts';
import { startNats } from '../../../dev/servers/nats.ts';
import type { RunningServer } from '../../../dev/servers/running-server.ts';
import { fakeIo } from './fake-io.ts';

let server: RunningServer;
let relay: NatsConnection;
beforeAll(async () => {
  server = await startNats();
  relay = await connect({ servers: server.url });
});
afterAll(async () => {
  await relay?.close();
  await server?.stop();
});
const patiently = { timeout: 30_000, interval: 10 };

/** Starts it; resolves when it listens. */
async function start(...args: readonly string[]) {
  const io = fakeIo({ env: { GAME_ALLOCATOR_NATS: server.url } });
  const code = tail.run(args, io);
  await vi.waitFor(async () => expect(await isHeard()).toBe(true), patiently);
  return { io, code };
}

/** Whether somebody listens to the events; what it sends is none. */
async function isHeard(): Promise<boolean> {
  return relay.request('game.assigned.probe', '', { timeout: 200 }).then(
    () => true,
    (error: unknown) => error instanceof TimeoutError,
  );
}

function publish(event: object | string, subject = 'game.assigned.10_0_0_1'): void {
  relay.publish(subject, typeof event === 'string' ? event : JSON.stringify(event));
}

it('prints a line for each assignment, and ends after as many as it was told', async () => {
  const { io, code } = await start('--count', '3');
  publish({ game_id: 'a', instance_id: '10.0.0.1', port: 5002 });
  publish({ game_id: 'b', instance_id: '10.0.0.2', reassigned: true });
  publish({ game_id: '\u001b[2J', instance_id: '10.0.0.3' });
  publish({ game_id: 'd', instance_id: '10.0.0.1' });

  expect(await code).toBe(0);
  expect(io.stdout.text().replaceAll(/^\d\d:\d\d:\d\d\.\d{3}/gm, 'TIME')).toBe(
    'TIME  a  10.0.0.1:5002\nTIME  b  10.0.0.2  moved\nTIME  ?[2J  10.0.0.3\n',
  );
  expect(io.stderr.text()).toBe('listening to game.assigned.>\n');
});

it('prints JSON, passes over what is no event, and ends well when it is stopped', async () => {
  const { io, code } = await start('--json');
  for (const other of ['', 'no JSON', 'null', '{}', '{"game_id":1,"instance_id":"a"}']) publish(other);
  publish({ game_id: 'a', instance_id: '10.0.0.1', port: 5002 });
  await vi.waitFor(() => expect(io.stdout.text()).toContain('\n'), patiently);
  io.stop();

  expect(await code).toBe(0);
  const lines = io.stdout.text().trimEnd().split('\n');
  expect(lines.map((line) => JSON.parse(line))).toEqual([
    { at_ms: expect.any(Number), game_id: 'a', instance_id: '10.0.0.1', port: 5002 },
  ]);
  expect(io.stderr.text()).toBe('');
});

it('listens where it is told, and says how to switch the events on where nothing is heard', async () => {
  const io = fakeIo();
  const code = tail.run(['--subject', 'chat.assigned', '--nats', server.url], io);
  await vi.waitFor(() => expect(io.stderr.text()).toContain('ASSIGN_EVENTS=true'), patiently);
  publish({ game_id: 'other', instance_id: 'a' });
  publish({ game_id: 'chat', instance_id: 'a' }, 'chat.assigned.a');
  await vi.waitFor(() => expect(io.stdout.text()).toContain('chat'), patiently);
  io.stop();

  expect(await code).toBe(0);
  expect(io.stdout.text()).not.toContain('other');
});
