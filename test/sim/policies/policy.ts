import type { Random } from '../../support/random.ts';
import type { Allocators } from '../allocators.ts';
import type { Fleet } from '../fleet.ts';
import type { World } from '../world.ts';

/** What a policy can see and use. */
export interface Surroundings {
  readonly world: World;
  /** The truth: for the oracle only. */
  readonly fleet: Fleet;
  readonly allocators: Allocators;
  readonly random: Random;
  /** Starts a game on an instance. */
  readonly start: (game: number, instance: number) => void;
}

/** Decides where games go. One lives through one run. */
export interface Policy {
  /** Places the games of this second, from the first to the one before `end`, one after another. */
  place(tick: number, first: number, end: number): void | Promise<void>;
  /** Games that are known to be over, where it wants to know. */
  ended?(tick: number, games: readonly number[]): void | Promise<void>;
  /** Redis has lost everything. */
  emptied?(): void | Promise<void>;
}

/** A policy that decides for each game by itself. */
export function oneByOne({ start }: Surroundings, choose: (game: number, tick: number) => number): Policy {
  return {
    place(tick, first, end) {
      for (let game = first; game < end; game += 1) start(game, choose(game, tick));
    },
  };
}

/** The position of the least value, the first on ties. */
export function leastOf(among: readonly number[], value: (instance: number) => number): number {
  let best = -1;
  let least = Number.POSITIVE_INFINITY;
  for (const instance of among) {
    const own = value(instance);
    if (best === -1 || own < least) [best, least] = [instance, own];
  }
  return best;
}
