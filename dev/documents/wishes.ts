import type { Op } from '../../lib/api/op.ts';

/** Something to ask for, so that its answer can be shown. */
export interface Wish {
  readonly op: Op | 'fleet' | 'explain';
  readonly name: string;
  readonly request: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** The request is not worth showing. */
  readonly hidden?: true;
}

/** W3C's own example. */
const TRACEPARENT = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';

const SIZED = {
  resource_level: 'high',
  cpu_cores: 0.5,
  memory_bytes: 250_000_000,
  exact: true,
  prefer: { zone: 'a' },
};

/** A game that is not what it seems is under this id: see record.ts. */
export const FOREIGN_GAME = 'others';

/**
 * What is asked of each operation, in this order, of a fleet of two servers with a place for one game each. In the end
 * no game is left.
 */
export const WISHES: readonly Wish[] = [
  { op: 'assign', name: 'a new game', request: { game_id: 'match-4711' }, headers: { traceparent: TRACEPARENT } },
  { op: 'assign', name: 'the same game again', request: { game_id: 'match-4711' } },
  { op: 'lookup', name: 'a game that runs', request: { game_id: 'match-4711' } },
  { op: 'lookup', name: 'a game that nobody knows', request: { game_id: 'match-0' } },
  { op: 'renew', name: 'a game that goes on', request: { game_id: 'match-4711' } },
  { op: 'renew', name: 'a game that has expired', request: { game_id: 'match-0' } },
  { op: 'instance', name: 'the least loaded by RAM', request: { resource_type: 'ram' } },
  { op: 'instances', name: 'every server', request: {} },
  { op: 'fleet', name: 'the whole fleet', request: {} },
  { op: 'explain', name: 'why a game would go there', request: { game_id: 'match-4712' } },
  { op: 'assign', name: 'a game of known size', request: { game_id: 'match-4712', settings: SIZED } },
  { op: 'assign', name: 'every server is full', request: { game_id: 'match-4713' } },
  { op: 'explain', name: 'why a game would be refused', request: { game_id: 'match-4713' } },
  {
    op: 'assign',
    name: 'no server is what is required',
    request: { game_id: 'match-4713', settings: { require: { region: 'eu' } } },
  },
  { op: 'assign', name: 'a field is wrong', request: { game_id: 'match 4713' } },
  { op: 'assign', name: 'it is too large', request: { game_id: 'x'.repeat(20_000) }, hidden: true },
  { op: 'lookup', name: 'something else is recorded there', request: { game_id: FOREIGN_GAME } },
  { op: 'release', name: 'a game is over', request: { game_id: 'match-4711' } },
  { op: 'release', name: 'another game is over', request: { game_id: 'match-4712' } },
];

/** Asked while Redis is not there, and while it says nothing. */
export const UNAVAILABLE = {
  op: 'assign',
  name: 'Redis cannot be reached',
  request: { game_id: 'match-4714' },
} as const;
export const LATE = { op: 'assign', name: 'no answer came in time', request: { game_id: 'match-4714' } } as const;
/** Asked of a relay that takes no more. */
export const TOO_MANY = { op: 'assign', name: 'too many requests came', request: { game_id: 'match-4714' } } as const;

/** POST /batch */
export const BATCH = {
  v: 1,
  items: [
    { op: 'assign', request: { game_id: 'match-4715' }, budget_ms: 400, attempt: 'a-1', traceparent: TRACEPARENT },
    { op: 'lookup', request: { game_id: 'match-0' }, budget_ms: 400, attempt: 'a-2' },
    { op: 'release', request: { game_id: 'match-4715' }, budget_ms: 400, attempt: 'a-3' },
  ],
};
