import type { FleetList } from './fleet.ts';

/**
 * Whether `next` should not be believed yet: more than half of the instances of `previous` are absent from it at once.
 * That is what a restarted or cut-off Consul answers, and hardly ever what happened. An instance that is there and
 * failing is not absent.
 */
export function isDoubtful(previous: FleetList, next: FleetList): boolean {
  const there = new Set(next.instances.map(({ id }) => id));
  const absent = previous.instances.filter(({ id }) => !there.has(id)).length;
  return absent > previous.instances.length / 2;
}
