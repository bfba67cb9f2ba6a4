import { describe, expect, it } from 'vitest';
import { type ExplainFields, readExplainRequest } from '../../../functions/console/page/explain-request.ts';
import { AssignRequest } from '../../../lib/api/assign-request.ts';

const EMPTY: ExplainFields = {
  game_id: 'a-game',
  resource_level: '',
  strategy: '',
  cpu_cores: '',
  memory_mib: '',
  require: '',
  prefer: '',
};

it('says nothing that was not typed', () => {
  expect(readExplainRequest({ ...EMPTY, game_id: ' a ' })).toEqual({ request: { game_id: 'a' } });
});

it.each([
  ['resource_level', 'high', { resource_level: 'high' }],
  ['strategy', 'pack', { strategy: 'pack' }],
  ['cpu_cores', ' 0.5 ', { cpu_cores: 0.5 }],
  ['cpu_cores', '0,5', { cpu_cores: 0.5 }],
  ['memory_mib', '1.5', { memory_bytes: 1_572_864 }],
  ['require', 'region=eu', { require: { region: 'eu' } }],
  ['require', ' gpu , zone = a ,', { require: { gpu: true, zone: 'a' } }],
  ['prefer', 'spot=false, url=a=b', { prefer: { spot: false, url: 'a=b' } }],
] as const)('reads %s from "%s"', (field, text, settings) => {
  const read = readExplainRequest({ ...EMPTY, [field]: text });

  expect(read).toEqual({ request: { game_id: 'a-game', settings } });
});

it.each(['cpu_cores', 'memory_mib'] as const)('says so when %s is no number', (field) => {
  expect(readExplainRequest({ ...EMPTY, [field]: '1 GiB' })).toEqual({
    problem: expect.stringMatching(/ is a number of /),
  });
});

describe('what it makes', () => {
  it('is a request as the allocator takes it', () => {
    const read = readExplainRequest({
      ...EMPTY,
      resource_level: 'low',
      cpu_cores: '1',
      memory_mib: '100',
      require: 'region=eu, gpu',
      prefer: 'zone=a',
    });

    expect('request' in read && AssignRequest.safeParse(read.request).success).toBe(true);
  });
});
