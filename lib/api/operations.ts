import type { Strategy } from '../app/placement.ts';
import type { Clock } from '../app/ports.ts';
import type { ServeRequests } from '../app/serve-requests.ts';
import type { Outcome, ServiceRequest } from '../app/service-requests.ts';
import type { Allocate } from './allocate.ts';
import type { BatchItem } from './batch.ts';
import { isOp, needsGames } from './op.ts';
import { type Failure, failureReply, type Reply } from './outcomes.ts';
import { readRequest } from './read-request.ts';
import { toReply } from './to-reply.ts';

/** A service as its operations need it. */
export interface ServedService {
  readonly name: string;
  /** Whether it has games, and not only instances. */
  readonly hasGames: boolean;
  readonly serve: ServeRequests;
}

export interface AllocateOptions {
  /** The first one is the default. */
  readonly services: readonly ServedService[];
  readonly clock: Clock;
  /** Those that a request may ask for. */
  readonly strategies: readonly Strategy[];
}

/** Answers batches of operations in this process, those for each service together. Budgets count from the call. */
export function createAllocate({ services, clock, strategies }: AllocateOptions): Allocate {
  function readItem(item: BatchItem, nowMs: number): Asked | Failure {
    const { op } = item;
    // A relay of a newer version may send an operation that this one does not know.
    if (!isOp(op)) return { code: 'invalid_request', message: 'op is not known.' };
    const service = item.service === undefined ? services[0] : services.find(({ name }) => name === item.service);
    if (service === undefined) return { code: 'invalid_request', message: 'service is not known.' };
    if (needsGames(op) && !service.hasGames) {
      return { code: 'invalid_request', message: 'op is not available for this service.' };
    }
    const request = readRequest(op, item, nowMs, strategies);
    return 'code' in request ? request : { service, request };
  }

  return async (items, signal) => {
    const nowMs = clock();
    const read = items.map((item) => readItem(item, nowMs));
    const outcomes = new Map<Asked, Outcome>();
    await Promise.all(
      services.map(async (service) => {
        const asked = read.filter((entry) => 'service' in entry && entry.service === service) as Asked[];
        if (asked.length === 0) return;
        const served = await service.serve(
          asked.map(({ request }) => request),
          signal,
        );
        for (const [index, outcome] of served.entries()) {
          const entry = asked[index];
          if (entry !== undefined) outcomes.set(entry, outcome);
        }
      }),
    );
    return read.map((entry): Reply => {
      if ('code' in entry) return failureReply(entry);
      const outcome = outcomes.get(entry);
      // A success of another operation would be a reply without what this one promises; what was done is not known.
      const told = outcome !== undefined && fits(outcome, entry.request) ? outcome : UNKNOWN;
      return toReply(told, entry.request);
    });
  };
}

const UNKNOWN: Outcome = { kind: 'deadline_exceeded' };

/** What each kind of request comes to where it succeeds. */
const SUCCESSES = {
  assign: 'assigned',
  lookup: 'found',
  renew: 'found',
  release: 'released',
  choose: 'chosen',
  list: 'listed',
  report: 'reported',
  explain: 'explained',
} as const satisfies Record<ServiceRequest['op'], Outcome['kind']>;
const SUCCESS_KINDS: ReadonlySet<Outcome['kind']> = new Set(Object.values(SUCCESSES));

function fits({ kind }: Outcome, { op }: ServiceRequest): boolean {
  return kind === SUCCESSES[op] || !SUCCESS_KINDS.has(kind);
}

interface Asked {
  readonly service: ServedService;
  readonly request: ServiceRequest;
}
