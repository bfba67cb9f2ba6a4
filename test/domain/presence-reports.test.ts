import { expect, it } from 'vitest';
import type { FleetView, Instance } from '../../lib/domain/fleet.ts';
import { createPresenceReports } from '../../lib/domain/presence-reports.ts';
import { fleetList, instance, loadReport } from '../support/fakes.ts';

const ids = (count: number, prefix = 'gone') => Array.from({ length: count }, (_, index) => `${prefix}-${index}`);

function viewWith(gone: readonly string[], ...instances: readonly (string | Instance)[]): FleetView {
  return { list: fleetList(...instances), load: loadReport(), degraded: [], absence: { askedAtMs: 7, gone } };
}

it('tells who is gone, and when Consul was asked', () => {
  expect(createPresenceReports().of(viewWith(['a', 'b']))).toEqual({ atMs: 7, gone: ['a', 'b'], back: [] });
});

it.each<[string, FleetView | undefined]>([
  ['no view', undefined],
  ['a view that cannot tell', { list: fleetList('a'), load: loadReport(), degraded: ['consul'] }],
  ['a view in which nobody is gone', viewWith([], 'a')],
])('tells nothing with %s', (_case, view) => {
  const reports = createPresenceReports();
  reports.askedAbout('b');

  expect(reports.of(view)).toBeUndefined();
});

it('does not let a view that cannot tell call anybody gone or back', () => {
  const reports = createPresenceReports();
  reports.marked(['a']);

  expect(reports.of({ list: fleetList('a'), load: loadReport(), degraded: [] }, ['b'])).toBeUndefined();
});

it('tells who of the marked ones is back: listed, and not failing', () => {
  const reports = createPresenceReports();
  reports.marked(['drained', 'sick', 'absent', 'well']);
  const instances = [instance('drained', { status: 'listed' }), instance('sick', { status: 'gone' }), 'well', 'other'];

  expect(reports.of(viewWith(['sick'], ...instances))?.back).toEqual(['drained', 'well']);
  reports.marked(['sick']);
  expect(reports.of(viewWith(['sick'], ...instances))?.back).toEqual([]);
});

it('names who the view lacks before the others, and nobody twice', () => {
  const report = createPresenceReports().of(viewWith(['a', 'b', 'c']), ['x', 'b', 'x']);

  expect(report?.gone).toEqual(['x', 'b', 'a', 'c']);
});

it('names 256 at most, those asked about among them', () => {
  const reports = createPresenceReports();
  const gone = ids(1000);
  for (const id of ['gone-999', 'gone-500', 'not-gone']) reports.askedAbout(id);

  const report = reports.of(viewWith(gone), ['x']);

  expect(report?.gone).toEqual(['x', 'gone-500', 'gone-999', ...ids(253)]);
  expect(reports.of(viewWith(ids(256)))?.gone).toEqual(ids(256));
});

it('remembers the last 256 that were asked about', () => {
  const reports = createPresenceReports();
  reports.askedAbout('gone-999');
  for (const id of ids(255, 'other')) reports.askedAbout(id);
  const first = () => reports.of(viewWith(ids(1000)))?.gone[0];

  expect(first()).toBe('gone-999');
  reports.askedAbout('gone-999'); // is the newest now
  reports.askedAbout('another');
  expect(first()).toBe('gone-999');
  for (const id of ids(255, 'others')) reports.askedAbout(id);
  expect(first()).toBe('gone-0');
});

it('names 256 at most of those that are back', () => {
  const reports = createPresenceReports();
  reports.marked(ids(300));

  expect(reports.of(viewWith([], ...ids(300)))?.back).toEqual(ids(256));
});

it('tells of as many that are gone as are back', () => {
  const reports = createPresenceReports();
  reports.marked(['back']);

  expect(reports.of(viewWith(['gone'], 'back'))).toEqual({ atMs: 7, gone: ['gone'], back: ['back'] });
});
