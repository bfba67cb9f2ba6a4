import { gzipSync } from 'node:zlib';
import { expect } from 'vitest';
import { healthEntry } from '../adapters/consul/health-entry.ts';
import { drip, type Listener, reply, startServer } from '../support/http-server.ts';
import { FOREIGN, GOOD_LIST, PATIENT, type StartFunction, type UpstreamCase } from './whole-function.ts';

const GOOD = healthEntry({ id: 'game-3', address: '10.0.0.3' });
const FILTERED = { 'x-consul-results-filtered-by-acls': 'true' };
const HTML = `<html>${FOREIGN}</html>`;
/** Longer ago than a list may ever be old. */
const HOURS_AGO = { 'x-consul-lastcontact': '7200000', 'x-consul-knownleader': 'false' };

export const CONSUL_CASES: readonly UpstreamCase[] = [
  {
    name: 'D54 an empty list: nobody is there, once a second one confirms it',
    async run(start) {
      const cold = await start({ consul: reply(200, []) });
      await expect.poll(async () => (await cold.ask()).json['code'], PATIENT).toBe('no_instance');
      expect(await cold.notes()).toEqual([]);

      const warm = await start();
      await warm.askUntilPlaced();
      warm.change({ consul: reply(200, []) });
      const seen: unknown[] = [];
      await expect
        .poll(async () => {
          const { json } = await warm.ask();
          seen.push(json['code'] ?? json['degraded']);
          return json['code'];
        }, PATIENT)
        .toBe('no_instance');
      // In between it was in doubt, and the list before was used.
      expect(seen).toContainEqual(['consul']);
    },
  },
  {
    name: 'D55 an empty or short list that a token without rights gets',
    run: all(refused(reply(200, [], FILTERED)), refused(reply(200, [GOOD], FILTERED))),
  },
  { name: 'D56 HTML with status 200', run: refused(reply(200, HTML)) },
  {
    name: 'D57 an object, and other values that are no list',
    run: all(
      ...['{}', 'null', '7', `"${FOREIGN}"`, '{"0":[]}', '[[]]', '[null]'].map((text) => refused(reply(200, text))),
    ),
  },
  {
    name: 'D58 no service in an entry: it costs no other',
    run: all(
      refused(reply(200, [{ ...GOOD, Service: null }])),
      listed(reply(200, [{ ...GOOD, Service: null }, GOOD, { Service: {} }, 7]), ['10.0.0.3']),
    ),
  },
  {
    name: 'D59 no address of its own: its node has one',
    run: all(
      listed(reply(200, [healthEntry({ address: '', nodeAddress: '10.9.9.9' })]), ['10.9.9.9']),
      listed(reply(200, [healthEntry({ address: '', nodeAddress: '' }), GOOD]), ['10.0.0.3']),
    ),
  },
  {
    name: 'D60 ports that are none',
    run: all(
      ...[0, 70_000, '80', -1, 1.5, null, [5002]].map((port) =>
        listed(reply(200, [healthEntry({ address: '10.0.0.3', port })]), ['10.0.0.3'], {
          answer: { success: true, instance_id: '10.0.0.3' },
        }),
      ),
    ),
  },
  {
    name: 'D61 one id on two nodes',
    run: all(
      listed(reply(200, [GOOD, healthEntry({ id: 'game-3', address: '10.0.0.4' })]), ['10.0.0.3', '10.0.0.4']),
      listed(reply(200, [GOOD, healthEntry({ id: 'game-3', address: '10.0.0.4' })]), ['game-3'], {
        env: { INSTANCE_ID: 'service_id' },
      }),
      listed(reply(200, [GOOD, healthEntry({ id: 'game-9', address: '10.0.0.3' })]), ['10.0.0.3']),
    ),
  },
  {
    name: 'D62 ids with quotes, line breaks, wildcards and PromQL in them',
    run: idsAsTheyAre,
  },
  {
    name: 'D63 Meta of 1 MB, and sizes that are none',
    async run(start) {
      const sizes = ['', '0', '-1', 'NaN', '1e999', 'Infinity', FOREIGN, 8];
      const entries = sizes.map((size, n) => {
        const meta = { cpu_cores: size, memory_bytes: size, max_games: size, [FOREIGN]: 'x'.repeat(n === 0 ? 1e6 : 1) };
        return healthEntry({ address: `10.0.0.${n}`, meta });
      });
      const made = await start({ consul: reply(200, entries) });
      await made.askUntilPlaced();
      const said = made.rows().map(([id, , cores, bytes, , , , mostGames]) => [id, cores, bytes, mostGames]);
      expect(said).toEqual(sizes.map((_, n) => [`10.0.0.${n}`, 4, 8 * 1024 ** 3, false]));
    },
  },
  {
    name: 'D64 50,000 instances: more than is taken',
    run: all(refused(reply(200, JSON.stringify(Array.from({ length: 50_000 }, (_, n) => sized(n, 200)))))),
  },
  {
    name: 'D65 instances that are critical, in a list of those that are not',
    run: all(
      nobody(reply(200, [healthEntry({ checks: { http: 'critical' } })])),
      nobody(reply(200, [healthEntry({ checks: { http: FOREIGN } })])),
      listed(reply(200, [GOOD, healthEntry({ address: '10.0.0.4', checks: { http: 'critical' } })]), ['10.0.0.3']),
    ),
  },
  {
    name: 'D66 403, 429, 500, 503',
    run: all(...[401, 403, 404, 429, 500, 503].map((status) => refused(reply(status, HTML)))),
  },
  {
    name: 'D67 a server that has not heard of its leader for long',
    run: all(
      refused(reply(200, [], { 'x-consul-knownleader': 'false' })),
      refused(reply(200, [GOOD], HOURS_AGO)),
      // What it said a moment ago is better than nothing, whoever leads now.
      listed(reply(200, [GOOD], { ...HOURS_AGO, 'x-consul-lastcontact': '2000' }), ['10.0.0.3']),
      listed(reply(200, [GOOD], { 'x-consul-lastcontact': FOREIGN }), ['10.0.0.3']),
    ),
  },
  { name: 'D68 a byte at a time', run: refused(drip) },
  {
    name: 'D69 a small answer that unpacks to a large one',
    run: refused((_request, response) => {
      response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(Buffer.alloc(50_000_000, ' ')));
    }),
  },
  {
    name: 'D70 a redirect to somebody else: nobody goes there',
    async run(start) {
      const other = await startServer(GOOD_LIST);
      await all(...[301, 302, 307].map((status) => refused(reply(status, '', { location: other.url.href }))))(start);
      expect(other.requests).toEqual([]);
    },
  },
];

type Run = UpstreamCase['run'];

function all(...runs: readonly Run[]): Run {
  return (start) => Promise.all(runs.map((run) => run(start)));
}

/** An environment without a list says 503 and records nothing; one with a good list goes on with it, and says so. */
function refused(answers: Listener): Run {
  return async (start) => {
    const cold = await start({ consul: answers });
    const gameId = crypto.randomUUID();
    expect(await cold.ask(gameId)).toMatchObject({ status: 503, json: { code: 'upstream_unavailable' } });
    expect(await cold.record(gameId)).toBeNull();
    expect(await cold.notes()).toEqual([]);

    const warm = await start();
    await warm.askUntilPlaced();
    warm.change({ consul: answers });
    await expect
      .poll(async () => (await warm.ask()).json, PATIENT)
      .toMatchObject({ success: true, degraded: ['consul'] });
    // As soon as there is a good answer again, both have it.
    for (const each of [warm, cold]) {
      each.change({ consul: GOOD_LIST });
      await expect
        .poll(async () => (await each.ask()).json, PATIENT)
        .toEqual({ success: true, instance_id: expect.stringMatching(/^10\.0\.0\.[34]$/), port: 5002 });
    }
  };
}

/** It is a list, and there is nobody in it who takes games. */
function nobody(answers: Listener): Run {
  return async (start) => {
    const made = await start({ consul: answers });
    await expect.poll(async () => (await made.ask()).json['code'], PATIENT).toBe('no_instance');
    expect(await made.notes()).toEqual([]);
  };
}

/** It is a list, and those are the ones that may get the game. */
function listed(
  answers: Listener,
  ids: readonly string[],
  { env = {}, answer }: { env?: Readonly<Record<string, string>>; answer?: object } = {},
): Run {
  return async (start) => {
    const made = await start({ consul: answers, env });
    const { json } = await made.askUntilPlaced();
    expect(ids).toContain(json['instance_id']);
    if (answer) expect(json).toEqual(answer);
    expect(made.candidates().ids).toEqual([...ids].sort());
  };
}

/** What can be a NATS subject token is taken to the letter, in the reply, in the record, and nowhere else. */
async function idsAsTheyAre(start: StartFunction): Promise<void> {
  const good = ['a"b', "a'b", 'x"}or{job=~"up', `\${HOME}`, '{tag}', '\\"', 'a/b'];
  const bad = [
    'a\nb',
    'a b',
    'x"} or up{job="',
    '*',
    '>',
    '<b>',
    'a.*',
    '.a',
    'a.',
    'a..b',
    '',
    '\0',
    '\ud800',
    'x'.repeat(257),
  ];
  const entries = [...good, ...bad].map((id, n) => healthEntry({ id, address: `10.0.0.${n}` }));
  const made = await start({ consul: reply(200, entries), env: { INSTANCE_ID: 'service_id' } });

  await made.askUntilPlaced();
  const given = new Set<unknown>();
  for (let n = 0; n < 2 * good.length; n += 1) given.add((await made.ask()).json['instance_id']);

  expect(made.candidates().ids).toEqual([...good].sort());
  expect(given).toEqual(new Set(good));
  const queries = new Set(made.servers.prometheus.requests.map(({ body }) => body));
  expect(queries.size).toBe(1);
  expect(decodeURIComponent([...queries].join())).not.toContain('job');
}

/** An entry with its Meta filled up. */
function sized(n: number, bytes: number) {
  return healthEntry({
    id: `game-${n}`,
    address: `10.${n >> 16}.${(n >> 8) & 255}.${n & 255}`,
    meta: { x: 'x'.repeat(bytes) },
  });
}
