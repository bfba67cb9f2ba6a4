import { expect } from 'vitest';
import { type Listener, reply } from '../support/http-server.ts';
import { FOREIGN, nowS, PATIENT, series, type UpstreamCase, vectorOf } from './whole-function.ts';

const BUSY = '10.0.0.3';
const ODD = '10.0.0.4';
const BOTH = [BUSY, ODD];

/** The load of one instance is as it should be, that of the other is this. */
const beside = (...odd: readonly (object | null)[]) => vectorOf([...series(BUSY), ...odd]);

export const PROMETHEUS_CASES: readonly UpstreamCase[] = [
  {
    name: 'E71 NaN',
    run: all(...['cpu', 'ram', 'ts'].map((m) => read(beside(...series(ODD, { [m]: 'NaN' })), [BUSY]))),
  },
  {
    name: 'E72 +Inf and -Inf',
    run: all(...['+Inf', '-Inf', 'Inf', '1e999'].map((cpu) => read(beside(...series(ODD, { cpu })), [BUSY]))),
  },
  {
    name: 'E73 an empty text, and others that JavaScript takes for 0',
    run: all(...['', ' ', '0x0', FOREIGN].map((cpu) => read(beside(...series(ODD, { cpu })), [BUSY]))),
  },
  {
    name: 'E74 negative CPU',
    run: all(...['-1', '-0.0001', '-0'].map((cpu) => read(beside(...series(ODD, { cpu })), [BUSY]))),
  },
  { name: 'E75 over 100 %: nobody goes there', run: overFull },
  {
    name: 'E76 a scalar, a text or a matrix',
    run: all(
      ...(
        [
          ['scalar', [1, '1']],
          ['string', [1, FOREIGN]],
          ['matrix', [{ metric: { instance: BUSY, m: 'cpu' }, values: [[1, '1']] }]],
        ] as const
      ).map(([resultType, result]) => unread(reply(200, { status: 'success', data: { resultType, result } }))),
    ),
  },
  { name: 'E77 the same series twice: both count', run: twice },
  {
    name: 'E78 instances that nobody listed',
    run: all(
      read(vectorOf([...series('10.0.0.9'), ...series('elsewhere')]), []),
      read(beside(...series('10.0.0.40'), ...series('110.0.0.4'), ...series('10.0.0.4.evil')), [BUSY]),
    ),
  },
  {
    name: 'E79 warnings: what is there is used',
    run: all(
      read(vectorOf([...series(BUSY), ...series(ODD)], { warnings: [FOREIGN] }), BOTH),
      read(vectorOf(series(BUSY), { warnings: [7, null], infos: [FOREIGN] }), [BUSY]),
    ),
  },
  {
    name: 'E80 status "error" with 200, and with others',
    run: all(
      ...[200, 400, 422, 503].map((status) =>
        unread(reply(status, { status: 'error', errorType: FOREIGN, error: FOREIGN, data: { resultType: 'vector' } })),
      ),
    ),
  },
  { name: 'E81 samples that are an hour old', run: hourOld },
  {
    name: 'E82 100,000 series: more than is taken',
    run: unread(
      vectorOf(Array.from({ length: 33_334 }, (_, n) => series(`10.${n >> 16}.${(n >> 8) & 255}.${n & 255}`)).flat()),
    ),
  },
  {
    name: 'E83 no label that names an instance',
    run: all(
      read(beside(...series(ODD, { label: 'pod' })), [BUSY]),
      read(beside(...series(ODD).map((each) => ({ ...each, metric: { m: 'cpu' } }))), [BUSY]),
      read(beside(...series(ODD).map((each) => ({ ...each, metric: { ...each.metric, m: FOREIGN } }))), [BUSY]),
      read(beside(...series(ODD).map((each) => ({ ...each, metric: { ...each.metric, instance: 7 } })), null), [BUSY]),
    ),
  },
];

type Run = UpstreamCase['run'];

function all(...runs: readonly Run[]): Run {
  return (start) => Promise.all(runs.map((run) => run(start)));
}

/** Games are placed among both, and the placement is told the load of these. */
function read(answers: Listener, sampled: readonly string[]): Run {
  return async (start) => {
    const made = await start({ prometheus: answers });
    await expect
      .poll(async () => {
        const { json } = await made.ask();
        return json['success'] === true && json['degraded'] === undefined ? made.candidates() : json;
      }, PATIENT)
      .toEqual({ ids: BOTH, sampled });
  };
}

/** Games are placed by what is recorded alone, and the reply says so. */
function unread(answers: Listener): Run {
  return async (start) => {
    const made = await start({ prometheus: answers });
    await expect
      .poll(async () => (await made.ask()).json, PATIENT)
      .toMatchObject({ success: true, degraded: ['prometheus'] });
    expect(made.candidates()).toEqual({ ids: BOTH, sampled: [] });
  };
}

async function overFull(start: Parameters<Run>[0]): Promise<void> {
  const made = await start({ prometheus: beside(...series(ODD, { cpu: '4000', ram: '1e20' })) });
  await untilBothAreSampled(made);
  for (let n = 0; n < 10; n += 1) expect((await made.ask()).json).toMatchObject({ success: true, instance_id: BUSY });
}

async function twice(start: Parameters<Run>[0]): Promise<void> {
  const made = await start({ prometheus: beside(...series(ODD, { cpu: '1.5' }), ...series(ODD, { cpu: '1.5' })) });
  await untilBothAreSampled(made);
  expect(made.rows().find(([id]) => id === ODD)).toMatchObject({ 5: 3, 6: 2e9 });
}

/** It was idle an hour ago; that is not taken for now. */
async function hourOld(start: Parameters<Run>[0]): Promise<void> {
  const made = await start({ prometheus: beside(...series(ODD, { cpu: '0', ram: '0', ts: nowS(3600) })) });
  await untilBothAreSampled(made);
  const given = new Set<unknown>();
  for (let n = 0; n < 10; n += 1) given.add((await made.ask()).json['instance_id']);
  expect(given).toContain(BUSY);
}

/** Asks until a placement has had the samples of both. */
async function untilBothAreSampled(made: Awaited<ReturnType<Parameters<Run>[0]>>): Promise<void> {
  await expect
    .poll(async () => {
      const { json } = await made.ask();
      return json['success'] === true && made.candidates().sampled;
    }, PATIENT)
    .toEqual(BOTH);
}
