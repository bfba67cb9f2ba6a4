import { expect, it } from 'vitest';
import { failureReply, type Reply } from '../../lib/api/outcomes.ts';
import type { Question } from '../../lib/relay/ask-in-time.ts';
import { createAssignEvents } from '../../lib/relay/assign-events.ts';
import { fakeLog } from './fake-message.ts';

const ASKED: Question = { op: 'assign', request: { game_id: 'g 1' }, attempt: 'p-1' };
const PLACED: Reply = { success: true, instance_id: '10.0.0.3' };

function setUp(publish: (subject: string) => boolean = () => true) {
  const { log, events: logged } = fakeLog();
  const sent: { subject: string; event: unknown }[] = [];
  const events = createAssignEvents({
    subject: 'game.assigned',
    publish: (subject, payload) => {
      sent.push({ subject, event: JSON.parse(Buffer.from(payload).toString()) });
      return publish(subject);
    },
    log,
  });
  return { sent, logged, ...events };
}

it.each<[string, Reply, object]>([
  ['a new assignment', PLACED, {}],
  ['its port', { ...PLACED, port: 5002 }, { port: 5002 }],
  ['a game that moved', { ...PLACED, reassigned: true, degraded: ['consul'] }, { reassigned: true }],
])('tells of %s', (_what, reply, more) => {
  const { sent, tell, lost } = setUp();

  tell(ASKED, reply);

  const event = { game_id: 'g 1', instance_id: '10.0.0.3', ...more };
  expect(sent).toEqual([{ subject: 'game.assigned.10.0.0.3', event }]);
  expect(lost()).toBe(0);
});

it.each<[string, Partial<Question>, Reply]>([
  ['a replay', {}, { ...PLACED, replayed: true }],
  ['a replay of a game that moved', {}, { ...PLACED, replayed: true, reassigned: true }],
  ['a failure', {}, failureReply({ code: 'no_capacity' })],
  ['a look up', { op: 'lookup' }, { ...PLACED, expires_in_s: 5 }],
  ['a renewal', { op: 'renew' }, PLACED],
  ['a release', { op: 'release' }, { success: true }],
])('does not tell of %s', (_what, question, reply) => {
  const { sent, tell } = setUp();

  tell({ ...ASKED, ...question }, reply);

  expect(sent).toEqual([]);
});

it('counts an event that cannot be sent', () => {
  const { tell, lost, logged } = setUp(() => false);

  tell(ASKED, PLACED);

  expect(lost()).toBe(1);
  expect(logged).toEqual([]);
});

it('counts an event that NATS refuses, and says so', () => {
  const { tell, lost, logged } = setUp(() => {
    throw new Error('bad subject');
  });

  tell(ASKED, PLACED);

  expect(lost()).toBe(1);
  expect(logged).toEqual(['assign_event_refused']);
});
