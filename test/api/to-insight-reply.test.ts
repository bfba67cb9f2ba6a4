import { expect, it } from 'vitest';
import { toExplainReply, toFleetReply } from '../../lib/api/to-insight-reply.ts';
import { EXPLANATION, REPORT } from '../support/insight.ts';

/** What NATS takes at most unless it is told otherwise. */
const NATS_BYTES = 1024 * 1024;
const FLEET = 3000;

const addresses = Array.from({ length: FLEET }, (_, index) => `10.120.${100 + (index >> 8)}.${index & 255}`);
const sized = (reply: object) => Buffer.byteLength(JSON.stringify(reply));

it('fits a fleet of 3,000 into one message of NATS', () => {
  const [{ instance, measured, figures }] = REPORT.instances as [(typeof REPORT.instances)[0]];
  const instances = addresses.map((id) => ({
    instance: { ...instance, id, cpuCores: 15.89, memoryBytes: 137_438_953_472, maxGames: 120 },
    ...(measured && { measured: { sample: { ...measured.sample, memoryBytes: 137_438_953_471.6 }, ageS: 13.456789 } }),
    ...(figures && {
      figures: {
        ...{ ...figures, instanceId: id, cpuNow: 0.123456789, ramNow: 0.987654321, games: 118 },
        ...{ cpuPending: 12.3456789, ramPending: 12.3456789, recent: Array<number>(10).fill(12) },
      },
    }),
  }));

  expect(sized(toFleetReply({ ...REPORT, instances }))).toBeLessThan(NATS_BYTES);
});

it('fits an explanation of 3,000 into one, too', () => {
  const [{ figures }] = EXPLANATION.instances as [(typeof EXPLANATION.instances)[0]];
  const instances = addresses.map((instanceId) => ({
    ...({ instanceId, reason: 'less_preferred' } as const),
    ...(figures && {
      figures: { ...figures, instanceId, score: 1.23456789, cpu: 0.123456789, ram: 0.987654321, sampleAgeS: 13.456789 },
    }),
  }));

  expect(sized(toExplainReply({ ...EXPLANATION, instances }))).toBeLessThan(NATS_BYTES);
});
