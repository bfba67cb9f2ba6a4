// A module of its own, so that it is a chunk of its own of which only this much is kept.
export { Redis } from '@upstash/redis';
