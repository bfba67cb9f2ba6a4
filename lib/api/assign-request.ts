import * as z from 'zod/mini';
import { hasAtMost, SELECTABLE_LENGTH } from '../domain/selector.ts';
import { GameId } from './game-request.ts';
import { mustBe } from './schema.ts';

/** Bytes that one request may have, over any door. */
export const MAX_REQUEST_BYTES = 16 * 1024;

/** What a game mostly needs: `low` weighs CPU, `high` weighs RAM. */
const ResourceLevel = z.enum(['low', 'high'], mustBe('"low" or "high"'));

/** What the game is expected to use, where its caller knows; `exact`: it will not be more. */
const ExpectedUse = {
  cpu_cores: z.optional(
    z
      .number(mustBe('a number'))
      .check(z.gt(0, 'must be above 0 and at most 1000'), z.maximum(1000, 'must be above 0 and at most 1000')),
  ),
  memory_bytes: z.optional(
    z.number(mustBe('a number')).check(z.minimum(1, 'must be at least 1'), z.maximum(1e13, 'must be at most 1e13')),
  ),
  exact: z.optional(z.boolean(mustBe('true or false'))),
};

export const SELECTOR_KEYS = 8;
export const SELECTOR_KEY_LENGTH = 64;

/**
 * What an instance must be, or should be: see Selector. Checked by hand and not as a record: zod leaves out the key
 * `__proto__`, and a requirement must not get lost.
 */
export const Selector = z.custom<Readonly<Record<string, string | true>>>().check(
  z.check(({ value, issues }) => {
    const problem = selectorProblem(value);
    if (problem !== undefined) issues.push({ code: 'custom', input: value, ...problem });
  }),
);

function selectorProblem(value: unknown): { readonly message: string; readonly path?: string[] } | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return { message: 'must be an object' };
  const entries = Object.entries(value);
  if (entries.length > SELECTOR_KEYS) return { message: `must have at most ${SELECTOR_KEYS} keys` };
  for (const [key, wanted] of entries) {
    if (key === '' || !hasAtMost(key, SELECTOR_KEY_LENGTH))
      return { message: `must have keys of 1 to ${SELECTOR_KEY_LENGTH} characters` };
    const message = wantedProblem(wanted);
    // A key that would not fit into a line of text is not repeated.
    if (message !== undefined)
      return /^[\p{L}\p{M}\p{N}\p{P}\p{S}]+$/u.test(key) ? { message, path: [key] } : { message };
  }
  return undefined;
}

function wantedProblem(wanted: unknown): string | undefined {
  if (wanted === true) return undefined;
  if (typeof wanted !== 'string' || wanted === '') return 'must be a non-empty string or true';
  return hasAtMost(wanted, SELECTABLE_LENGTH) ? undefined : `must have at most ${SELECTABLE_LENGTH} characters`;
}

/** The longest that a request may wait for capacity, ms. */
const MAX_WAIT_MS = 10_000;

/** How to choose, where the allocator's configuration allows a choice. */
const Strategy = z.enum(['spread', 'pack'], mustBe('"spread" or "pack"'));

/** `game.assign.request` and `POST /assign`. Unknown keys are ignored; null is a value of the wrong type. */
export const AssignRequest = z.object(
  {
    game_id: GameId,
    settings: z.optional(
      z.object(
        {
          resource_level: z.optional(ResourceLevel),
          ...ExpectedUse,
          require: z.optional(Selector),
          prefer: z.optional(Selector),
          strategy: z.optional(Strategy),
          /** How long to wait for capacity instead of being refused at once, ms: the relay does that, over NATS. */
          wait_ms: z.optional(
            z
              .number(mustBe('a number'))
              .check(z.minimum(0, 'must be at least 0'), z.maximum(MAX_WAIT_MS, `must be at most ${MAX_WAIT_MS}`)),
          ),
        },
        mustBe('an object'),
      ),
    ),
  },
  mustBe('a JSON object'),
);
export type AssignRequest = z.infer<typeof AssignRequest>;
