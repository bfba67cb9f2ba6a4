import { expect } from 'vitest';
import type { Reply } from '../../lib/api/outcomes.ts';
import { GRACE_S, INSTANCES, PLACES, RELEASED_S, TTL_S, type World } from './world.ts';

/** A game as a write-once register: from the first write until it ends, whoever asks gets the same. */
interface Generation {
  /** Where it is; until then, s. */
  readonly instance: string;
  readonly placedS: number;
  untilS: number;
  /** The attempt that wrote it. */
  readonly attempt: string;
}

interface Game {
  /** The register's value; undefined while the game may be placed anew. */
  record?: Generation;
  /** The place that it holds, also while its record is lost. */
  lease?: Generation;
  /** A release that a late retry still hears of. */
  released?: Generation;
}

/** What should be so, by the promises alone. */
export class Register {
  readonly #games = new Map<string, Game>();
  readonly #pending = new Map<string, number>(INSTANCES.map((id) => [id, 0]));
  readonly #gone = new Set<string>();
  /** Since when calls report instances gone, s, until one that knows of it reports them back. */
  readonly #marks = new Map<string, number>();
  /** What each process knows of those, from the last answer that it had. */
  readonly #known = new Map<number, ReadonlySet<string>>();
  /** Attempts that callers may make again, newest last. */
  readonly attempts: { readonly game: string; readonly attempt: string }[] = [];
  /** What has happened, so that a test can tell whether it was about anything. */
  readonly seen = { placed: 0, moved: 0, full: 0, lateRetries: 0 };

  game(name: string): Game {
    const game = this.#games.get(name) ?? {};
    this.#games.set(name, game);
    return game;
  }

  isGone(id: string): boolean {
    return this.#gone.has(id);
  }

  setGone(id: string, isGone: boolean): void {
    if (isGone) this.#gone.add(id);
    else this.#gone.delete(id);
  }

  /** A process makes a call; `reports`: with what it sees of the fleet. */
  called(process: number, reports: boolean, nowS: number): void {
    for (const id of reports ? INSTANCES : []) {
      const sinceS = this.#marks.get(id);
      if (this.isGone(id)) this.#marks.set(id, sinceS ?? nowS);
      else if (this.#known.get(process)?.has(id)) this.#marks.delete(id);
    }
    this.#known.set(process, new Set(this.#marks.keys()));
  }

  forget(process: number): void {
    this.#known.delete(process);
  }

  /** Ends what has run out; gives the games whose records have. */
  expire(nowS: number): readonly string[] {
    const ended: string[] = [];
    for (const [name, game] of this.#games) {
      if (game.lease && game.lease.untilS <= nowS) delete game.lease;
      if (game.released && game.released.untilS <= nowS) delete game.released;
      if (!game.record || game.record.untilS > nowS) continue;
      delete game.record;
      ended.push(name);
    }
    return ended;
  }

  /** A deliberate loss of the write: the game may be placed anew, and its place is still taken. */
  lose(name: string): void {
    delete this.game(name).record;
  }

  renew(name: string, nowS: number): void {
    const { record, lease } = this.game(name);
    if (record) record.untilS = nowS + TTL_S;
    if (record && lease && lease.instance === record.instance) lease.untilS = nowS + TTL_S;
  }

  release(name: string, nowS: number): void {
    const game = this.game(name);
    if (game.lease === undefined) return;
    this.#addPending(game.lease.instance, -1);
    game.released = { ...game.lease, untilS: nowS + RELEASED_S };
    if (game.record?.instance === game.lease.instance) delete game.record;
    delete game.lease;
  }

  /**
   * Takes in what became of one assign: the reply, unless it was lost on the way, and what the record says now.
   * Throws where that breaks a promise.
   */
  assigned(name: string, attempt: string, reply: Reply | undefined, recorded: string | null, nowS: number): void {
    const game = this.game(name);
    const { record: before, released } = game;
    this.moved(name, attempt, recorded, nowS);
    if (reply === undefined) return;
    if (!reply.success) {
      this.#expectRefusedByRight(reply.code, before);
      return;
    }
    if (!('instance_id' in reply)) throw new Error('a success without an instance');
    if (game.record === undefined) {
      // It wrote nothing, and right so: the game was over before this late retry came.
      this.seen.lateRetries += 1;
      expect({ instance: reply.instance_id, attempt }, 'a success without a record').toEqual({
        instance: released?.instance,
        attempt: released?.attempt,
      });
      return;
    }
    expect(reply.instance_id, 'two instances for one game').toBe(game.record.instance);
    const replayed = 'replayed' in reply && reply.replayed === true;
    if (before === game.record) expect(replayed).toBe(attempt !== before.attempt);
  }

  /** Takes in what the record says now. */
  moved(name: string, attempt: string, recorded: string | null, nowS: number): void {
    const game = this.game(name);
    const { record: before } = game;
    if (recorded === (before?.instance ?? null)) return;
    expect(recorded, 'a write-once record was lost').not.toBeNull();
    if (recorded === null) return;
    if (before) this.#expectMayMove(before, nowS);
    this.seen[before ? 'moved' : 'placed'] += 1;
    this.#place(game, { instance: recorded, placedS: nowS, untilS: nowS + TTL_S, attempt });
  }

  #place(game: Game, generation: Generation): void {
    const { instance } = generation;
    expect(this.isGone(instance), `placed on ${instance}, which is gone`).toBe(false);
    const others = this.#leasesOn(instance) - (game.lease?.instance === instance ? 1 : 0);
    expect(others, `placed on ${instance}, which is full`).toBeLessThan(PLACES[instance] ?? 0);
    game.record = generation;
    game.lease = { ...generation };
    delete game.released;
    this.#addPending(instance, 1);
  }

  #expectMayMove({ instance, placedS }: Generation, nowS: number): void {
    expect(this.isGone(instance), `moved from ${instance}, which is there`).toBe(true);
    const goneForS = nowS - Math.max(this.#marks.get(instance) ?? nowS, placedS);
    expect(goneForS, `moved from ${instance} before its grace was over`).toBeGreaterThanOrEqual(GRACE_S);
  }

  #expectRefusedByRight(code: string, before: Generation | undefined): void {
    expect(before, 'a recorded game was refused').toBeUndefined();
    const eligible = INSTANCES.filter((id) => !this.isGone(id));
    if (code === 'no_instance') expect(eligible).toEqual([]);
    else {
      expect(code).toBe('no_capacity');
      this.seen.full += 1;
      for (const id of eligible) expect(this.#leasesOn(id), `${id} has a place`).toBe(PLACES[id]);
    }
  }

  #leasesOn(id: string): number {
    return [...this.#games.values()].filter(({ lease }) => lease?.instance === id).length;
  }

  #addPending(id: string, number: number): void {
    this.#pending.set(id, (this.#pending.get(id) ?? 0) + number);
  }

  /** Every record and every count in Redis is what it should be. */
  async expectEqual(world: World): Promise<void> {
    for (const [name, { record }] of this.#games) {
      expect(await world.record(name), `record of ${name}`).toBe(record?.instance ?? null);
    }
    for (const id of INSTANCES) {
      const counted = await world.counted(id);
      expect(counted, id).toEqual({ games: this.#leasesOn(id), pending: this.#pending.get(id) });
    }
  }
}
