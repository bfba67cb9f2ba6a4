import { OPS, type Op } from '../api/op.ts';
import type { Service } from '../config/services.ts';

/** A subject that the relay listens on, and what a message there asks for. */
export interface Endpoint {
  /** What $SRV.INFO calls it: letters, digits, - and _ only. */
  readonly name: string;
  /** No other endpoint has it. */
  readonly subject: string;
  readonly op: Op;
  /** Absent for the first service: a function of the version before there were services understands that. */
  readonly service?: string;
  /**
   * `event`: the backend tells that a game is over, whoever wants to know. The last token of the subject is the game_id
   * whatever the payload is, and nobody is answered: what JetStream's clients publish has a reply subject too, where
   * they wait for their stream and would take our reply for its.
   */
  readonly kind: 'request' | 'event';
}

/**
 * What a message asks for, wherever it comes from. `console`: as a request, but nobody's game hangs on it: it comes
 * through when the rate limit refuses, since who looks into a flood must see it, and is left out of what is counted.
 */
export interface Asking extends Pick<Endpoint, 'op' | 'service'> {
  readonly kind: Endpoint['kind'] | 'console';
}

/** The endpoints of `services`, and those of `releaseSubjects`, which end in `*`, for games of the first service. */
export function listEndpoints(services: readonly Service[], releaseSubjects: readonly string[]): readonly Endpoint[] {
  return [
    ...services.flatMap((service, index) => listRequests(service, index === 0)),
    ...releaseSubjects.map((subject, index) => {
      return { name: `release-event-${index + 1}`, subject, op: 'release', kind: 'event' } as const;
    }),
  ];
}

function listRequests({ name, subjects }: Service, isFirst: boolean): readonly Endpoint[] {
  return OPS.flatMap((op): readonly Endpoint[] => {
    const subject = subjects[op];
    if (subject === undefined) return [];
    const common = { subject, op, kind: 'request' } as const;
    if (isFirst) return [{ name: op, ...common }];
    return [{ name: `${name.replaceAll('.', '--')}-${op}`, service: name, ...common }];
  });
}
