import { expect, it } from 'vitest';
import { createFleet } from './fleet.ts';
import { findScenario, type Scenario } from './scenarios.ts';
import { createWorld } from './world.ts';

const SHORT: Scenario = { ...findScenario('n4')!, warmUpS: 100, measuredS: 500 };

it('grows a game over five seconds and takes all of it away at its end', () => {
  const world = createWorld(SHORT, 1);
  world.background.fill(0);
  world.games.cpu[0] = 1;
  world.games.endTick[0] = 20;
  const fleet = createFleet(world);
  const used: number[] = [];

  for (let tick = 0; tick < 22; tick += 1) {
    const over = fleet.begin(tick);
    expect(over).toEqual(tick === 20 ? [0] : []);
    if (tick === 2) fleet.start(0, 1, tick);
    fleet.pass(tick);
    used.push(fleet.cpu[1]!);
  }

  expect(used.slice(1, 9).map((cores) => Number(cores.toFixed(6)))).toEqual([0, 0.1, 0.3, 0.5, 0.7, 0.9, 1, 1]);
  expect(used[19]).toBeCloseTo(1);
  expect(used[20]).toBeCloseTo(0);
  expect(fleet.games[1]).toBe(0);
});

it('loses the games of an instance that dies, and says so when it is noticed', () => {
  const world = createWorld({ ...SHORT, crash: { firstAtS: 50, forS: 90 } }, 1);
  const dead = world.crashes.get(50)!;
  world.games.endTick.fill(599);
  const fleet = createFleet(world);
  const over = new Map<number, readonly number[]>();

  for (let tick = 0; tick < 200; tick += 1) {
    const ended = fleet.begin(tick);
    if (ended.length > 0) over.set(tick, ended);
    if (tick === 0) fleet.start(0, dead, tick);
    if (tick === 60) fleet.start(1, dead, tick);
    if (tick === 135) fleet.start(2, dead, tick);
    fleet.pass(tick);
    if (tick === 60) expect(fleet.cpu[dead]).toBe(0);
  }

  expect([...over]).toEqual([
    [80, [0, 1]],
    [140, [2]],
  ]);
  expect(fleet.isAlive(dead)).toBe(true);
  expect(fleet.bornAt[dead]).toBe(140);
  expect(fleet.games[dead]).toBe(0);
});
