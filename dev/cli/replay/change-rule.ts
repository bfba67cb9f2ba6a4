import * as z from 'zod/mini';
import { AllocatorVariables, toAllocatorConfig } from '../../../lib/config/allocator-config.ts';
import { ConfigError, readEnv } from '../../../lib/config/env.ts';
import { WrongUsage } from '../command.ts';
import type { Rule } from './decide-again.ts';

/** What each variable changes of a rule; `to` is a rule in which it has its new value. */
const CHANGES: Readonly<Record<string, (rule: Rule, to: Rule) => Rule>> = {
  GAME_CPU_CORES: (rule, to) => withCost(rule, 'low', { cpuCores: to.gameCost.low.cpuCores }),
  GAME_CPU_CORES_HIGH: (rule, to) => withCost(rule, 'high', { cpuCores: to.gameCost.high.cpuCores }),
  GAME_MEMORY_BYTES: (rule, to) => withCost(rule, 'low', { memoryBytes: to.gameCost.low.memoryBytes }),
  GAME_MEMORY_BYTES_HIGH: (rule, to) => withCost(rule, 'high', { memoryBytes: to.gameCost.high.memoryBytes }),
  STRATEGY: (rule, { strategy }) => ({ ...rule, strategy }),
  PACK_CEILING: (rule, { packCeiling }) => ({ ...rule, packCeiling }),
};
export const CHANGEABLE = Object.keys(CHANGES);

/** The change that `settings` (`NAME=VALUE` each) make to a rule. Throws WrongUsage. */
export function readChange(settings: readonly string[]): (rule: Rule) => Rule {
  const given = settings.map((setting) => {
    const [name = '', ...rest] = setting.split('=');
    const change = CHANGES[name];
    if (change === undefined) throw new WrongUsage(`--set takes NAME=VALUE of ${CHANGEABLE.join(', ')}.`);
    return { name, value: rest.join('='), change };
  });
  const to = readRule(Object.fromEntries(given.map(({ name, value }) => [name, value])));
  return (rule) => given.reduce((changed, { change }) => change(changed, to), rule);
}

function readRule(env: Readonly<Record<string, string>>): Rule {
  try {
    return toAllocatorConfig(readEnv(z.object(AllocatorVariables), env)).placement;
  } catch (error) {
    if (error instanceof ConfigError) throw new WrongUsage(error.problems.join(' '));
    throw error;
  }
}

function withCost(rule: Rule, level: 'low' | 'high', change: Partial<Rule['gameCost']['low']>): Rule {
  const { gameCost } = rule;
  return { ...rule, gameCost: { ...gameCost, [level]: { ...gameCost[level], ...change } } };
}
