import type { RedisClient, Script } from '../../../lib/app/ports.ts';
import type { Asking } from '../ask.ts';
import { explainFailure, type Target } from '../explain-failure.ts';
import type { GoldenDecision } from '../golden/golden.ts';
import { GOLDEN_DECISIONS } from '../golden/golden-decisions.ts';
import { playGolden } from '../golden/play-golden.ts';
import { type Checked, type Finding, failed, ok, warning } from '../report.ts';

export interface PlacementCheckOptions {
  readonly redis: RedisClient;
  readonly target: Target;
  /** The configured one: whoever may only use keys of the product's may use these. */
  readonly statePrefix: string;
  readonly asking: Asking;
  readonly decisions?: readonly GoldenDecision[];
  readonly script?: Script;
}

/** Of decisions that differ this many are shown. */
const SHOWN = 3;

/** Whether this Redis's Lua decides as ours does: the golden decisions, one by one. */
export async function checkPlacement(options: PlacementCheckOptions): Promise<Checked> {
  const { redis, target, statePrefix, asking, script, decisions = GOLDEN_DECISIONS } = options;
  const prefix = `${statePrefix}:doctor:${crypto.randomUUID()}`;
  const result = await playGolden({ redis, decisions, prefix, asking, ...(script && { script }) });
  const { played, differences, removed, error } = result;
  const findings: Finding[] = [];
  if (error !== undefined) findings.push(explainFailure(error, target, asking.timeoutMs));
  if (differences.length > 0) {
    const shown = differences.slice(0, SHOWN).map(({ rule, how }) => `"${rule}" (${how[0]})`);
    findings.push(
      failed(
        `${differences.length} of ${played} golden decisions differ`,
        `This Redis does not decide by the rule; do not go live on it, and report this: ${shown.join('; ')}.`,
      ),
    );
  }
  if (!removed) {
    findings.push(
      warning(`keys of ${prefix} are left`, `They expire within a day; or remove the keys ${prefix}:* yourself.`),
    );
  }
  if (findings.length === 0) findings.push(ok(`${played} golden decisions, all as they should be`));
  return { findings };
}
