import type { Op } from '../../lib/api/op.ts';
import type { FailureCode } from '../../lib/api/outcomes.ts';

/** What a schema cannot say of an operation. */
export interface OperationText {
  /** A few words. */
  readonly summary: string;
  readonly description: string;
  /** How it can fail of itself, beside what every operation has; see COMMON_FAILURES. */
  readonly failures: readonly FailureCode[];
}

/** By operation; a new one does not compile before it has its text. */
export const OPERATION_TEXTS: Readonly<Record<Op | 'fleet' | 'explain', OperationText>> = {
  assign: {
    summary: 'Assign a game',
    description:
      'Says where a game is to run: on a healthy, least loaded server. One game gets one server, whoever asks again ' +
      'and however often. It is recorded before it is answered.',
    failures: ['conflict', 'no_capacity', 'no_instance'],
  },
  lookup: {
    summary: 'Look a game up',
    description: 'Says where a game runs. Reads, and never moves it.',
    failures: ['not_found', 'conflict'],
  },
  renew: {
    summary: 'Keep a game longer',
    description: "Makes the game's record, and its place on a server, live longer. Neither gets shorter.",
    failures: ['not_found', 'conflict'],
  },
  release: {
    summary: 'A game is over',
    description:
      'Forgets the game, and frees its place and its share of the load at once. A success too where nobody knows it.',
    failures: ['conflict'],
  },
  instance: {
    summary: 'One server, no game',
    description: 'Chooses a server as for a game. Nothing is recorded; it counts as load until the metrics show it.',
    failures: ['no_instance'],
  },
  instances: {
    summary: 'All servers',
    description: 'Lists all servers whose checks pass, draining ones included.',
    failures: [],
  },
  fleet: {
    summary: 'What the allocator sees',
    description: 'Reports each server with its load, what is expected on top, its games, and the state of each source.',
    failures: [],
  },
  explain: {
    summary: 'Why a game would go where',
    description:
      'Takes the request of an assignment, and says what it would come to now and why: every candidate with its score ' +
      'and the reason. Nothing is written.',
    failures: [],
  },
};

/** Ways in which any operation can fail, by the door that it came through. */
export const COMMON_FAILURES = {
  https: ['invalid_request', 'unauthorised', 'too_large', 'upstream_unavailable', 'deadline_exceeded'],
  nats: ['invalid_request', 'too_large', 'overloaded', 'upstream_unavailable', 'deadline_exceeded'],
} as const satisfies Record<string, readonly FailureCode[]>;

/** Of routes that carry out nothing of their own, by their function. */
export const ROUTE_TEXTS: Readonly<Record<string, Omit<OperationText, 'failures'>>> = {
  batch: {
    summary: 'Up to 64 operations at once',
    description:
      'What the relay sends. Each item has its own reply, failures included, in the order of the items. ' +
      '`budget_ms` says for how long an answer is of use, and not `Timeout-Ms`. At the function URL callers are let ' +
      "in by AWS's IAM instead of a token.",
  },
  console: {
    summary: 'The console',
    description: 'A page that shows the fleet. It has nothing in it, and asks for a token itself.',
  },
  health: {
    summary: 'Is it up',
    description: 'Says that this function runs. It asks nobody.',
  },
};

/** Of a function's routes together. */
export const TAG_TEXTS: Readonly<Record<string, string>> = {
  assign: 'Where a new game is to run.',
  games: 'Games that have been assigned, of the first service.',
  services: 'Servers of any service, without a game.',
  fleet: 'A look into the allocator, for people.',
  batch: 'For relays.',
  console: 'A page for people.',
  health: 'For whoever watches over it.',
};

/** Fields that need a word, by schema and path. */
export const FIELD_TEXTS: Readonly<Record<string, string>> = {
  'AssignRequest.settings.resource_level': '`low`, also when absent, weighs CPU; `high` weighs RAM.',
  'AssignRequest.settings.cpu_cores':
    'Cores that this game is expected to use, where the caller knows; counted twice to be on the safe side.',
  'AssignRequest.settings.memory_bytes': 'The same for its memory, in bytes.',
  'AssignRequest.settings.exact': 'It will not be more than that, and is counted once.',
  'AssignRequest.settings.require': 'What the server must be. Never violated.',
  'AssignRequest.settings.prefer': 'What it had better be: such servers first, the others when all of those are full.',
  'AssignRequest.settings.strategy': 'How to choose, where the configuration allows a choice.',
  'AssignRequest.settings.wait_ms':
    'Over NATS: where every server is full, ask again for so long, in milliseconds, instead of refusing at once.',
  'AssignReply.port': 'Where the server listens, as Consul says.',
  'AssignReply.replayed': 'An earlier request had assigned it.',
  'AssignReply.reassigned': 'Its earlier server is gone.',
  'AssignReply.degraded': 'Sources without which this was decided, or on whose last answer.',
  'LookupReply.expires_in_s': 'Whole seconds that its record has left; absent: it never expires.',
  'InstanceRequest.resource_type': 'What the choice is to weigh; `cpu` where it is absent.',
  'BatchRequest.items[].op': 'The operation, by its operationId here.',
  'BatchRequest.items[].service': 'Another service than the first one.',
  'BatchRequest.items[].budget_ms':
    'Time from the sending of the batch in which this answer is still of use, in milliseconds.',
  'BatchRequest.items[].traceparent': "The item's own; see the header.",
  'BatchRequest.items[].tracestate': "The item's own; see the header.",
  'BatchRequest.items[].attempt': "Unique for each of a caller's requests, the same when it is sent again.",
  'FailureReply.message': 'One sentence for people.',
  'FailureReply.retryable': 'Whether asking again can help.',
};
