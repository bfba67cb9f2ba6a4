import { afterEach, expect, it, vi } from 'vitest';
import { startHeartbeat } from '../../lib/relay/heartbeat.ts';
import { recordedLog } from '../support/recorded-log.ts';

afterEach(() => void vi.useRealTimers());

function start() {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  const log = recordedLog();
  const state = { reason: undefined as string | undefined, connected: true, received: 0 };
  const heartbeat = startHeartbeat({
    notReady: () => state.reason,
    connected: () => state.connected,
    figures: () => ({ received: state.received, in_flight: 2 }),
    log,
  });
  return { heartbeat, state, lines: log.lines };
}

it('says once a minute that it is ready', () => {
  const { lines, state } = start();
  vi.advanceTimersByTime(59_999);
  expect(lines).toEqual([]);
  state.received = 7;

  vi.advanceTimersByTime(60_001);

  const line = { ready: true, connected: true, received: 7, in_flight: 2 };
  expect(lines).toEqual([
    { level: 'info', event: 'relay_state', fields: line },
    { level: 'info', event: 'relay_state', fields: line },
  ]);
});

it('says why it is not ready', () => {
  const { lines, state } = start();
  Object.assign(state, { reason: 'not_connected', connected: false });

  vi.advanceTimersByTime(60_000);

  expect(lines[0]?.fields).toMatchObject({ ready: false, connected: false, reason: 'not_connected' });
});

it('ends when it is told to', () => {
  const { heartbeat, lines } = start();
  heartbeat.stop();

  vi.advanceTimersByTime(120_000);

  expect(lines).toEqual([]);
});
