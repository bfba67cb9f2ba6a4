import { FLEET_DASHBOARD } from './fleet.ts';
import type { Dashboard } from './panels.ts';
import { RELAY_DASHBOARD } from './relay.ts';

/** By the name of their file in deploy/dashboards. */
export const DASHBOARDS: Readonly<Record<string, Dashboard>> = { relay: RELAY_DASHBOARD, fleet: FLEET_DASHBOARD };
