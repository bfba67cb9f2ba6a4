import { createHash } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { runGolden } from '../../dev/doctor/golden/golden.ts';
import { GOLDEN_DECISIONS } from '../../dev/doctor/golden/golden-decisions.ts';
import { createLuaPlacement, loadScript } from '../../lib/placement/lua-placement.ts';
import { placementConfig } from '../support/placement.ts';
import { type PlacementServer, startPlacementServer } from '../support/placement-service.ts';
import { MUTANTS } from './mutants.ts';

const { source } = loadScript();
let server: PlacementServer;

beforeAll(async () => {
  server = await startPlacementServer();
});
afterAll(() => server.stop());

for (const { name, from, to, killedBy } of MUTANTS) {
  // A mutant that the script could not run would make the play throw, and so fail here.
  it(`${name} - found by: ${killedBy}`, async () => {
    expect(source.split(from)).toHaveLength(2);
    const mutated = source.replace(from, () => to);
    const script = { source: mutated, sha1: createHash('sha1').update(mutated).digest('hex') };
    const decision = GOLDEN_DECISIONS.find(({ rule }) => rule === killedBy);
    if (decision === undefined) throw new Error(`no golden decision "${killedBy}"`);

    const differences = await runGolden(
      decision,
      (config, nowS) =>
        createLuaPlacement(server.client, placementConfig(config), () => nowS() * 1000, { nowS, script }),
      AbortSignal.timeout(30_000),
    );

    expect(differences).not.toEqual([]);
  });
}

it('is of mistakes that are each another', () => {
  const names = MUTANTS.map(({ name }) => name);

  expect(names).toEqual([...new Set(names)]);
});
