import type { FleetView, Instance } from '../domain/fleet.ts';
import { newestSampleS } from '../domain/fleet-index.ts';
import type { InsightCall, InsightOptions } from './insight-call.ts';
import type { FleetReport, ReportedInstance } from './insight-results.ts';
import type { Explanation } from './placement.ts';
import type { Outcome, ReportRequest } from './service-requests.ts';

const MOST_FAILING = 100;
/** Instances that one call of the script takes. */
const MOST_EXPLAINED = 5000;
/** Kept for putting the answer together and sending it, ms. */
const REPLY_MS = 30;

/** What is known of a fleet, and what the rule would go by now; without Redis the former alone. Never throws. */
export function createReportFleet({ serviceName, placement, clock, log }: InsightOptions) {
  async function explain(view: FleetView, deadlineMs: number, signal: AbortSignal): Promise<Explanation | undefined> {
    const leftMs = deadlineMs - clock() - REPLY_MS;
    if (leftMs < 1) return undefined;
    const present = view.list.instances.filter(({ status }) => status !== 'gone').slice(0, MOST_EXPLAINED);
    const call = {
      candidates: present.map((instance) => ({ instance, sample: view.load.samples.get(instance.id) })),
      newestSampleS: newestSampleS(view.load),
      requests: [{ op: 'choose', level: 'low', deadlineMs }],
    } as const;
    try {
      return await placement.explain(call, AbortSignal.any([signal, AbortSignal.timeout(Math.floor(leftMs))]));
    } catch (error) {
      log.warning('explanation_failed', {}, error);
      return undefined;
    }
  }

  return async ({ deadlineMs }: ReportRequest, { opened, signal }: InsightCall): Promise<Outcome> => {
    const { view, sources } = opened;
    if (view === undefined) return { kind: 'upstream_unavailable' };
    const rule = await explain(view, deadlineMs, signal);
    const figures = new Map(rule?.candidates.map((candidate) => [candidate.instanceId, candidate]));
    const atMs = clock();

    function toReported(instance: Instance): ReportedInstance {
      const sample = view?.load.samples.get(instance.id);
      const known = figures.get(instance.id);
      return {
        instance,
        ...(sample && { measured: { sample, ageS: Math.max(0, atMs / 1000 - sample.atS) } }),
        ...(known && { figures: known }),
      };
    }

    const { instances } = view.list;
    const report: FleetReport = {
      serviceName,
      atMs,
      sources: { ...sources, redis: { state: rule === undefined ? 'degraded' : 'ok' } },
      ...(rule && { rule }),
      failing: instances
        .filter(({ status }) => status === 'gone')
        .map(({ id }) => id)
        .sort()
        .slice(0, MOST_FAILING),
      instances: instances
        .filter(({ status }) => status !== 'gone')
        .sort((a, b) => (a.id < b.id ? -1 : Number(a.id > b.id)))
        .map(toReported),
    };
    return { kind: 'reported', report };
  };
}
