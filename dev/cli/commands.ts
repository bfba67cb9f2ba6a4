/** All there are. One more is one more line here. */
export { assign } from './commands/assign.ts';
export { doctor } from './commands/doctor.ts';
export { explain } from './commands/explain.ts';
export { fleet } from './commands/fleet.ts';
export { lookup } from './commands/lookup.ts';
export { release } from './commands/release.ts';
export { renew } from './commands/renew.ts';
export { replay } from './commands/replay.ts';
export { tail } from './commands/tail.ts';
