import { expect, it } from 'vitest';
import { toServices } from '../../lib/config/services.ts';
import { listEndpoints } from '../../lib/relay/endpoints.ts';

const FIRST = { name: 'a.first', subjects: { assign: 'a.assign', instance: 'a.instance' }, recordPrefix: 'games' };
const SECOND = { name: 'b.second', subjects: { instance: 'b.instance' }, recordPrefix: undefined };

it('names no service for the first one, which is what functions of the version before know', () => {
  expect(listEndpoints([FIRST, SECOND], [])).toEqual([
    { name: 'assign', subject: 'a.assign', op: 'assign', kind: 'request' },
    { name: 'instance', subject: 'a.instance', op: 'instance', kind: 'request' },
    { name: 'b--second-instance', subject: 'b.instance', op: 'instance', kind: 'request', service: 'b.second' },
  ]);
});

it('ends games of the first service by events', () => {
  expect(listEndpoints([SECOND], ['game.over.*', 'x.*']).slice(1)).toEqual([
    { name: 'release-event-1', subject: 'game.over.*', op: 'release', kind: 'event' },
    { name: 'release-event-2', subject: 'x.*', op: 'release', kind: 'event' },
  ]);
});

it('gives every endpoint of the default configuration a name that NATS takes, and no two the same', () => {
  const names = listEndpoints(toServices({ RECORD_PREFIX: 'games' }), ['x.*', 'y.*']).map(({ name }) => name);

  expect(names).toHaveLength(12);
  expect(new Set(names).size).toBe(12);
  expect(names.filter((name) => !/^[-\w]+$/.test(name))).toEqual([]);
});
