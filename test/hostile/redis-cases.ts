import { expect } from 'vitest';
import { type Listener, reply } from '../support/http-server.ts';
import { type Answer, FOREIGN, type StartFunction, type UpstreamCase, type WholeFunction } from './whole-function.ts';

const UNAVAILABLE = { status: 503, json: { code: 'upstream_unavailable' } };
/** What the script did by then is not known. */
const UNKNOWN = { status: 504, json: { code: 'deadline_exceeded' } };
const CONFLICT = { status: 409, json: { code: 'conflict' } };

const json = (body: unknown, status = 200) => reply(status, JSON.stringify(body));

export const REDIS_CASES: readonly UpstreamCase[] = [
  {
    name: 'F84 results that are no text, or a text that is no answer',
    run: all(
      ...[7, 0, true, {}, { success: true }, [], ['"10.0.0.3"'], [7, null]].map((result) =>
        answered(json({ result }), UNKNOWN),
      ),
      ...['', 'OK', '7', 'null', '"10.0.0.3"', '{}', '{"now":1,"results":[]}'].map((result) =>
        answered(json({ result }), UNKNOWN),
      ),
      ...[
        ['placed', 0, false],
        ['placed', 99, false],
        ['placed', 1.5, false],
        ['placed', '1', false],
        ['placed', 1],
        ['recorded', 7, false, false],
        ['made_up'],
        // What would be a success of another operation.
        ['released'],
        ['unknown'],
        ['chosen', 1],
        ['found', '"10.0.0.3"', 1000],
        [],
        null,
      ].map((result) => answered(scriptSays(result), UNKNOWN)),
      // A record that names nobody is somebody else's.
      ...['', '""', '7', 'a b', '"a.*"', '"a b"', FOREIGN].map((text) =>
        answered(scriptSays(['recorded', text, false, false]), CONFLICT),
      ),
    ),
  },
  {
    name: 'F85 an empty object, and other shapes',
    run: all(...['{}', '[]', 'null', '7', '""', '{"Result":1}', ''].map((text) => answered(reply(200, text), UNKNOWN))),
  },
  {
    name: 'F86 429',
    run: all(answered(reply(429, FOREIGN), UNAVAILABLE), answered(json({ error: FOREIGN }, 429), UNAVAILABLE)),
  },
  {
    name: 'F87 502 in HTML, and 5xx of others in between',
    run: all(
      ...[500, 502, 504].map((status) => answered(reply(status, `<html>${FOREIGN}</html>`), UNKNOWN)),
      answered(reply(200, `<html>${FOREIGN}</html>`), UNKNOWN),
      answered(reply(503, `<html>${FOREIGN}</html>`), UNAVAILABLE),
    ),
  },
  {
    name: 'F88 WRONGTYPE: a key that holds something else is left alone',
    run: all(wrongType, answered(json({ error: `WRONGTYPE ${FOREIGN}` }, 400), UNAVAILABLE)),
  },
  {
    name: 'F89 WRONGPASS, NOAUTH and 401',
    run: all(
      ...['WRONGPASS', 'NOAUTH', 'NOPERM'].map((code) =>
        answered(json({ error: `${code} ${FOREIGN}` }, 400), UNAVAILABLE),
      ),
      answered(json({ error: 'Unauthorized' }, 401), UNAVAILABLE),
    ),
  },
  { name: 'F90 the reply is lost after it was done: asking again tells', run: replyLost },
  {
    name: 'F91 a quota that is used up, and a database that is full',
    run: all(
      ...[
        `ERR max requests limit exceeded. ${FOREIGN}`,
        `ERR max daily request limit exceeded. ${FOREIGN}`,
        `OOM command not allowed when used memory > 'maxmemory'. ${FOREIGN}`,
        `READONLY ${FOREIGN}`,
        FOREIGN,
      ].map((error) => answered(json({ error }, 400), UNAVAILABLE)),
      answered(json({ error: `ERR max requests limit exceeded. ${FOREIGN}` }), UNAVAILABLE),
    ),
  },
];

type Run = UpstreamCase['run'];

function all(...runs: readonly Run[]): Run {
  return async (start) => {
    for (const run of runs) await run(start);
  };
}

/** `listener` in place of whatever would run the script, and everything else as it is. */
function insteadOfScripts(listener: Listener) {
  return (pass: Listener): Listener =>
    (request, response, body) =>
      (body.startsWith('["eval') ? listener : pass)(request, response, body);
}

/** The script's answer for the one request of a call. */
function scriptSays(result: unknown): Listener {
  return json({ result: JSON.stringify({ now: Date.now() / 1000, results: [result] }) });
}

/** The caller is told so and nothing is recorded; the next time that Redis answers well, the game is placed. */
function answered(listener: Listener, expected: { status: number; json: object }): Run {
  return async (start) => {
    const made = await warm(start);
    const gameId = crypto.randomUUID();
    const before = await made.notes();
    made.change({ redis: insteadOfScripts(listener) });
    expect(await made.ask(gameId)).toMatchObject(expected);
    expect(await made.record(gameId)).toBeNull();
    expect(await made.notes()).toEqual(before);

    made.change({ redis: (pass) => pass });
    expect((await settled(made, gameId)).json).toMatchObject({ success: true });
    expect(await made.notes()).toHaveLength(before.length + 1);
  };
}

async function wrongType(start: StartFunction): Promise<void> {
  const made = await warm(start);
  const writers = {
    hash: (key: string) => made.redis.hset(key, 'a', '1'),
    list: (key: string) => made.redis.lpush(key, 'a'),
    set: (key: string) => made.redis.sadd(key, 'a'),
    stream: (key: string) => made.redis.xadd(key, '*', 'a', '1'),
  };
  const before = await made.notes();
  for (const [gameId, write] of Object.entries(writers)) {
    await write(made.key(gameId));
    expect(await settled(made, gameId)).toMatchObject(CONFLICT);
    expect(await made.redis.type(made.key(gameId))).toBe(gameId);
  }
  expect(await made.notes()).toEqual(before);
}

async function replyLost(start: StartFunction): Promise<void> {
  const made = await warm(start);
  const before = await made.notes();
  const gameIds = Array.from({ length: 10 }, () => crypto.randomUUID());
  made.change({
    redis: (pass) => (request, response, body) => {
      if (!body.startsWith('["eval')) return pass(request, response, body);
      // Done, and then the connection breaks before the first byte of the answer, or in the middle of it.
      response.end = (() => response.destroy()) as never;
      pass(request, response, body);
    },
  });
  for (const gameId of gameIds) expect(await made.ask(gameId)).toMatchObject(UNKNOWN);
  const recorded = await Promise.all(gameIds.map(made.record));

  made.change({ redis: (pass) => pass });
  for (const [index, gameId] of gameIds.entries()) {
    const { json: again } = await settled(made, gameId);
    expect(again).toMatchObject({ success: true, replayed: true });
    expect(JSON.stringify(again['instance_id'])).toBe(recorded[index]);
  }
  // Each counted once.
  expect(await made.notes()).toHaveLength(before.length + gameIds.length);
}

/** One that has its list and its load in hand. */
async function warm(start: StartFunction): Promise<WholeFunction> {
  const made = await start({ env: { FLEET_FRESH_MS: '10000' } });
  await made.askUntilPlaced();
  return made;
}

/** Asks until the answer is not just that time was up, as may be on a crowded machine. */
async function settled(made: WholeFunction, gameId: string): Promise<Answer> {
  for (;;) {
    const answer = await made.ask(gameId);
    if (answer.json['code'] !== 'deadline_exceeded') return answer;
  }
}
