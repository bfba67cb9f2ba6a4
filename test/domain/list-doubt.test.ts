import { expect, it } from 'vitest';
import { isDoubtful } from '../../lib/domain/list-doubt.ts';
import { fleetList, fleetOf, instance } from '../support/fakes.ts';

it.each([
  ['nothing was there', fleetList(), fleetList(), false],
  ['the first come', fleetList(), fleetOf(3), false],
  ['nothing changed', fleetOf(4), fleetOf(4), false],
  ['half is absent', fleetOf(4), fleetOf(2), false],
  ['more than half is absent', fleetOf(4), fleetOf(1), true],
  ['more than half of an odd number is absent', fleetOf(5), fleetOf(2), true],
  ['all are absent', fleetOf(4), fleetList(), true],
  ['the only one is absent', fleetOf(1), fleetList(), true],
  ['all are replaced', fleetOf(2), fleetList('10.1.0.1', '10.1.0.2'), true],
  ['many are added', fleetOf(2), fleetOf(50), false],
  ['all are failing', fleetOf(1), fleetList(instance('10.0.0.1', { status: 'gone' })), false],
])('%s', (_case, previous, next, doubtful) => {
  expect(isDoubtful(previous, next)).toBe(doubtful);
});
