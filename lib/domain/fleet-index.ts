import { addressOf, type FleetList, type Instance, isHealthy, type LoadReport } from './fleet.ts';

/** What is looked up in a list for every request; made once for each list, since a list may be thousands long. */
export interface FleetIndex {
  /** Those that take new games. */
  readonly eligible: readonly Instance[];
  readonly byId: ReadonlyMap<string, Instance>;
}

export const indexOf = once((list: FleetList): FleetIndex => {
  const { instances } = list;
  return {
    eligible: instances.filter(({ status }) => status === 'eligible'),
    byId: new Map(instances.map((instance) => [instance.id, instance])),
  };
});

/** Those whose checks all pass, by their addresses. */
export const healthyOf = once((list: FleetList): readonly Instance[] =>
  list.instances
    .filter(isHealthy)
    .map((instance) => ({ instance, address: addressOf(instance) }))
    .sort((a, b) => (a.address < b.address ? -1 : Number(a.address > b.address)))
    .map(({ instance }) => instance),
);

/** Time of the newest sample, seconds since 1970; undefined where there is none. */
export const newestSampleS = once(({ samples }: LoadReport): number | undefined => {
  let newest: number | undefined;
  for (const { atS } of samples.values()) {
    if (newest === undefined || atS > newest) newest = atS;
  }
  return newest;
});

/** Lists and reports never change, so what was made of one is kept as long as it is. */
function once<T extends object, R>(make: (of: T) => R): (of: T) => R {
  const made = new WeakMap<T, { readonly result: R }>();
  return (of) => {
    const known = made.get(of) ?? { result: make(of) };
    made.set(of, known);
    return known.result;
  };
}
