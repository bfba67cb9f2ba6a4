import fc from 'fast-check';
import { expect } from 'vitest';
import type { Reply } from '../../lib/api/outcomes.ts';
import type { Register } from './register.ts';
import { GRACE_S, INSTANCES, type World } from './world.ts';

type Command = fc.AsyncCommand<Register, World>;

const GAMES = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'];

/** What passes between two commands at least, s. */
const MOMENT_S = 0.01;

/** Makes a command that can always be given; what it does to the world is compared with the register afterwards. */
function command(name: string, run: (register: Register, world: World) => Promise<void>): Command {
  return {
    check: () => true,
    async run(register, world) {
      await pass(register, world, MOMENT_S); // no two things happen at the same time
      await run(register, world);
      await register.expectEqual(world);
    },
    toString: () => name,
  };
}

let attempts = 0;

/** Asks by `asks` processes at once, each `copies` times in a batch; the reply of each is seen or lost on the way. */
function assign(game: string, attempt: string, asks: readonly number[], copies: number, isLost: boolean) {
  return async (register: Register, world: World) => {
    const batch = Array.from({ length: copies }, () => ({ op: 'assign' as const, game, attempt }));
    for (const by of asks) register.called(by, true, world.nowS());
    const batches = await Promise.all(asks.map((by) => world.ask(by, batch)));
    const recorded = await world.record(game);
    const before = register.game(game).record?.instance;
    // A batch is carried out at one moment: one of two may have come before the other has moved the game.
    const wasEarlier = (replies: readonly Reply[]) =>
      before !== undefined && replies.every((reply) => 'instance_id' in reply && reply.instance_id === before);
    for (const replies of batches.toSorted((a, b) => Number(wasEarlier(b)) - Number(wasEarlier(a)))) {
      const then = wasEarlier(replies) ? (before ?? null) : recorded;
      for (const reply of replies) {
        register.assigned(game, attempt, isLost ? undefined : reply, then, world.nowS());
      }
    }
    // Also what nobody has been told of.
    register.moved(game, attempt, recorded, world.nowS());
  };
}

const process = fc.integer({ min: 0, max: 1 });
const game = fc.constantFrom(...GAMES);
const lost = fc.boolean();

/** A caller's message. */
const anyAssign = fc.tuple(game, process, lost).map(([name, by, isLost]) =>
  command(`assign ${name}${isLost ? ', reply lost' : ''}`, (register, world) => {
    attempts += 1;
    const attempt = `attempt-${attempts}`;
    register.attempts.push({ game: name, attempt });
    return assign(name, attempt, [by], 1, isLost)(register, world);
  }),
);

/** The same message once more, however long after, and whatever has become of the game. */
const anyRetry = fc.tuple(fc.nat(5), process, lost).map(([ago, by, isLost]) =>
  command(`retry the attempt ${ago} before the last${isLost ? ', reply lost' : ''}`, async (register, world) => {
    const again = register.attempts.at(-1 - ago);
    if (again) await assign(again.game, again.attempt, [by], 1, isLost)(register, world);
  }),
);

/** Copies of one message, in batches of two processes at once. */
const anyDuplicates = fc.tuple(game, fc.integer({ min: 1, max: 4 })).map(([name, copies]) =>
  command(`assign ${name}, ${copies} times in each of two batches at once`, async (register, world) => {
    attempts += 1;
    await assign(name, `attempt-${attempts}`, [0, 1], copies, false)(register, world);
  }),
);

/** One batch about several games: each reply is that of its own item, and each item comes after those before it. */
const anyBatch = fc
  .tuple(
    fc.uniqueArray(fc.tuple(game, fc.constantFrom('assign' as const, 'lookup' as const, 'release' as const)), {
      selector: ([name]) => name,
      minLength: 2,
      maxLength: 5,
    }),
    process,
  )
  .map(([asks, by]) =>
    command(`one batch: ${asks.map(([name, op]) => `${op} ${name}`).join(', ')}`, async (register, world) => {
      attempts += 1;
      const attempt = `attempt-${attempts}`;
      const reports = asks.some(([, op]) => op === 'assign');
      register.called(by, reports, world.nowS());
      const replies = await world.ask(
        by,
        asks.map(([name, op]) => ({ op, game: name, attempt })),
      );
      for (const [index, [name, op]] of asks.entries()) {
        const reply = replies[index];
        if (op === 'assign') register.assigned(name, attempt, reply, await world.record(name), world.nowS());
        else if (op === 'lookup') expectFound(register, name, reply);
        else {
          register.release(name, world.nowS());
          expect(reply).toEqual({ success: true });
        }
      }
    }),
  );

function expectFound(register: Register, name: string, reply: Reply | undefined): void {
  const { record } = register.game(name);
  expect(reply).toMatchObject(record ? { success: true, instance_id: record.instance } : { code: 'not_found' });
}

/** Nothing is written after a deadline, and that is not called a success. */
const anyLate = fc.tuple(game, process).map(([name, by]) =>
  command(`assign ${name} with no time left`, async (_register, world) => {
    const [reply] = await world.ask(by, [{ op: 'assign', game: name, budgetMs: 0 }]);
    expect(reply).toMatchObject({ code: 'deadline_exceeded' });
  }),
);

const anyLookup = fc.tuple(game, process, fc.constantFrom('lookup' as const, 'renew' as const)).map(([name, by, op]) =>
  command(`${op} ${name}`, async (register, world) => {
    register.called(by, false, world.nowS());
    const [reply] = await world.ask(by, [{ op, game: name }]);
    if (op === 'renew') register.renew(name, world.nowS());
    expectFound(register, name, reply);
  }),
);

const anyRelease = fc.tuple(game, process).map(([name, by]) =>
  command(`release ${name}`, async (register, world) => {
    register.called(by, false, world.nowS());
    const [reply] = await world.ask(by, [{ op: 'release', game: name }]);
    register.release(name, world.nowS());
    expect(reply).toEqual({ success: true });
  }),
);

/** Time passes, and what has run out is gone: its record as well, which in Redis follows another clock. */
const anyPause = fc
  .constantFrom(1, 1, 3, 20, 31, 69, 71)
  .map((seconds) => command(`${seconds} s pass`, (register, world) => pass(register, world, seconds)));

async function pass(register: Register, world: World, seconds: number): Promise<void> {
  world.pass(seconds);
  for (const name of register.expire(world.nowS())) await world.removeRecord(name);
}

/** A failover has lost the acknowledged write: the one exception to write-once, and the game may be placed anew. */
const anyLostWrite = game.map((name) =>
  command(`the record of ${name} is lost`, async (register, world) => {
    register.lose(name);
    await world.removeRecord(name);
  }),
);

const anyKill = fc
  .tuple(fc.constantFrom(...INSTANCES), fc.constantFrom('gone' as const, 'absent' as const))
  .map(([id, status]) =>
    command(`${id} is ${status}`, async (register, world) => {
      register.setGone(id, true);
      world.setInstance(id, status);
    }),
  );

/** What histories of single steps seldom come to: it is gone for its whole grace, and who has a game there asks again. */
const anyOutage = fc
  .tuple(fc.constantFrom(...INSTANCES), fc.constantFrom('gone' as const, 'absent' as const))
  .map(([id, status]) =>
    command(`${id} is ${status} for its whole grace`, async (register, world) => {
      const askForAll = async () => {
        for (const name of GAMES.filter((each) => register.game(each).record?.instance === id)) {
          attempts += 1;
          await assign(name, `attempt-${attempts}`, [0, 1], 1, false)(register, world);
        }
      };
      register.setGone(id, true);
      world.setInstance(id, status);
      await askForAll();
      await pass(register, world, GRACE_S + 1);
      await askForAll();
    }),
  );

/** The caller's message comes once more when its game is just over. */
const anyLateRetry = fc.tuple(game, process).map(([name, by]) =>
  command(`release ${name}, and retry what placed it`, async (register, world) => {
    const { lease } = register.game(name);
    register.called(by, false, world.nowS());
    await world.ask(by, [{ op: 'release', game: name }]);
    register.release(name, world.nowS());
    if (lease) await assign(name, lease.attempt, [by], 1, false)(register, world);
  }),
);

const anyRecovery = fc.constantFrom(...INSTANCES).map((id) =>
  command(`${id} is back`, async (register, world) => {
    register.setGone(id, false);
    world.setInstance(id, 'eligible');
  }),
);

/** An environment of the function ends, and what it remembered with it. */
const anyRestart = process.map((which) =>
  command(`process ${which} starts anew`, async (register, world) => {
    register.forget(which);
    world.restart(which);
  }),
);

export const anyCommands = fc.commands(
  [
    // Those that occur more often than others stand here more often.
    ...[
      anyAssign,
      anyAssign,
      anyBatch,
      anyBatch,
      anyRetry,
      anyRetry,
      anyDuplicates,
      anyDuplicates,
      anyRelease,
      anyRelease,
    ],
    ...[
      anyLookup,
      anyLate,
      anyPause,
      anyPause,
      anyLostWrite,
      anyKill,
      anyOutage,
      anyLateRetry,
      anyRecovery,
      anyRecovery,
      anyRestart,
    ],
  ],
  { size: 'max', maxCommands: 60 },
);
