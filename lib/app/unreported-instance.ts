import type { FleetView } from '../domain/fleet.ts';
import { indexOf } from '../domain/fleet-index.ts';
import type { Presence } from './placement.ts';
import type { CallResult } from './service-requests.ts';

/** The instance that a game is recorded on, where that is gone and the call did not say so. */
export function unreportedInstance(
  result: CallResult,
  view: FleetView | undefined,
  presence: Presence | undefined,
): string | undefined {
  if (result.kind !== 'recorded' || view?.absence === undefined) return undefined;
  const { instanceId } = result;
  return isGoneFrom(view, instanceId) && !presence?.gone.includes(instanceId) ? instanceId : undefined;
}

/** Whether an instance fails its checks, or is not in the list. */
export function isGoneFrom({ list }: FleetView, instanceId: string): boolean {
  const listed = indexOf(list).byId.get(instanceId);
  return listed === undefined || listed.status === 'gone';
}
