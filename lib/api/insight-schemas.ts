import * as z from 'zod/mini';
import type { ExplainReply, FleetReply } from './insight-replies.ts';
import { InstanceId } from './instance-id.ts';

/** As another process sends them; see readReply. */

const Share = z.exactOptional(z.number());
const Count = z.exactOptional(z.int().check(z.minimum(0)));
const Degraded = z.exactOptional(z.array(z.string()));
const Source = z.object({ state: z.enum(['ok', 'degraded', 'off']), age_ms: z.exactOptional(z.number()) });
const GameUse = z.object({ cpu_cores: z.number(), memory_bytes: z.number() });
const Figures = {
  state: z.exactOptional(z.enum(['sampled', 'dark', 'full', 'not_selected'])),
  cpu: Share,
  ram: Share,
  cpu_pending: Share,
  ram_pending: Share,
  games: Count,
};

export const FleetReplySchema: z.ZodMiniType<FleetReply> = z.object({
  success: z.literal(true),
  service: z.string(),
  at_ms: z.number(),
  degraded: Degraded,
  sources: z.object({ consul: Source, prometheus: Source, redis: Source }),
  game: z.exactOptional(GameUse),
  recent: z.exactOptional(z.object({ bucket_s: z.literal(30), newest_at_s: z.number() })),
  failing: z.array(InstanceId),
  instances: z.array(
    z.object({
      instance_id: InstanceId,
      port: z.exactOptional(z.int()),
      status: z.enum(['eligible', 'draining', 'not_taking']),
      cpu_cores: z.number(),
      memory_bytes: z.number(),
      max_games: Count,
      cpu_used: z.exactOptional(z.number()),
      memory_used: z.exactOptional(z.number()),
      sample_age_s: z.exactOptional(z.number()),
      ...Figures,
      recent: z.exactOptional(z.array(z.number())),
    }),
  ),
});

export const ExplainReplySchema: z.ZodMiniType<ExplainReply> = z.object({
  success: z.literal(true),
  service: z.string(),
  at_ms: z.number(),
  degraded: Degraded,
  decision: z.enum(['placed', 'recorded', 'no_candidate', 'no_capacity', 'too_many_games', 'conflict']),
  instance_id: z.exactOptional(InstanceId),
  message: z.string(),
  game: GameUse,
  candidates: z.array(
    z.object({
      instance_id: InstanceId,
      reason: z.enum([
        'chosen',
        'recorded',
        'higher_score',
        'lower_score',
        'above_ceiling',
        'unmeasured',
        'less_preferred',
        'full',
        'not_considered',
        'not_selected',
        'draining',
        'not_taking',
        'failing',
      ]),
      ...Figures,
      score: z.exactOptional(z.number()),
      sample_age_s: z.exactOptional(z.number()),
    }),
  ),
});
