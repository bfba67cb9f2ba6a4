import type { Op } from '../../lib/api/op.ts';
import { FAILURES } from '../../lib/api/outcomes.ts';
import type { Contract } from './contract.ts';
import { type EventExample, type Examples, isFailure, type NatsExample } from './examples.ts';
import { ANSWERED_TRACE, type HeaderText, TIMEOUT, TRACE } from './headers.ts';
import type { Json } from './json-schema.ts';
import { nameOf, schemaRef } from './schemas.ts';
import { OPERATION_TEXTS } from './texts.ts';

/** Every message of the NATS door by its name: requests and replies of `ops`, and events. */
export function describeMessages(
  { nats }: Contract,
  ops: readonly Op[],
  examples: Examples,
): Readonly<Record<string, Json>> {
  const byOp = ops.flatMap((op) => {
    const names = nats.endpoints.filter((endpoint) => endpoint.op === op).map(({ name }) => name);
    const own = examples.nats.filter(({ endpoint }) => names.includes(endpoint));
    return [
      [nameOf(op, 'Request'), requestMessage(op, own)],
      [nameOf(op, 'Reply'), replyMessage(op, own)],
    ] as const;
  });
  const [assigned, released] = partition(examples.events, ({ subject }) => subject.startsWith(`${nats.eventSubject}.`));
  return {
    ...Object.fromEntries(byOp),
    FailureReply: failureMessage(examples.nats),
    GameOver: {
      summary: 'A game is over',
      description: 'The payload is not read.',
      payload: {},
      ...eventExamples(released),
    },
    AssignedEvent: {
      summary: 'A game has been assigned',
      payload: schemaRef('AssignedEvent'),
      ...eventExamples(assigned),
    },
  };
}

function requestMessage(op: Op, examples: readonly NatsExample[]): Json {
  const valid = examples.filter(
    ({ request, reply }) => request !== undefined && !(isFailure(reply) && reply.code === 'invalid_request'),
  );
  return {
    summary: OPERATION_TEXTS[op].summary,
    headers: headerSchema([TIMEOUT, ...TRACE]),
    payload: schemaRef(nameOf(op, 'Request')),
    ...messageExamples(valid, ({ headers, request }) => ({ headers, payload: request })),
  };
}

function replyMessage(op: Op, examples: readonly NatsExample[]): Json {
  const successes = examples.filter(({ reply }) => !isFailure(reply));
  return {
    summary: 'Done',
    headers: headerSchema([ANSWERED_TRACE]),
    payload: schemaRef(nameOf(op, 'Reply')),
    ...messageExamples(successes, toReply),
  };
}

function failureMessage(examples: readonly NatsExample[]): Json {
  const codes = Object.entries(FAILURES).filter(([code]) => code !== 'unauthorised');
  const rows = codes.map(([code, { status, retryable, message }]) => {
    return `- \`${code}\` (${status}${retryable ? ', asking again can help' : ''}): ${message}`;
  });
  const failed = examples.filter(({ reply }) => isFailure(reply));
  return {
    summary: 'Failed',
    description: rows.join('\n'),
    headers: headerSchema([
      {
        name: 'Nats-Service-Error',
        description: 'The message, in one line.',
        schema: { type: 'string', maxLength: 200 },
      },
      { name: 'Nats-Service-Error-Code', description: 'The status of the code.', schema: { type: 'string' } },
      ANSWERED_TRACE,
    ]),
    payload: schemaRef('FailureReply'),
    ...messageExamples(failed, toReply),
  };
}

function toReply({ replyHeaders, reply }: NatsExample) {
  return { headers: replyHeaders, payload: reply };
}

/** Headers of NATS are text, also where they are numbers. */
function headerSchema(headers: readonly HeaderText[]): Json {
  const properties = headers.map(({ name, description, schema }) => {
    if (schema['type'] !== 'integer') return [name, { ...schema, description }];
    const { minimum, maximum, default: otherwise } = schema;
    const inWords = `${description} A whole number from ${minimum} to ${maximum}; ${otherwise} where it is absent.`;
    return [name, { type: 'string', pattern: '^[0-9]{1,6}$', description: inWords }];
  });
  return { type: 'object', properties: Object.fromEntries(properties) };
}

function messageExamples(
  examples: readonly NatsExample[],
  partsOf: (example: NatsExample) => { readonly headers: object; readonly payload: unknown },
) {
  if (examples.length === 0) return undefined;
  return {
    examples: examples.map((example) => {
      const { headers, payload } = partsOf(example);
      return { name: example.name, ...(Object.keys(headers).length > 0 && { headers }), payload };
    }),
  };
}

function eventExamples(events: readonly EventExample[]) {
  return events.length > 0 && { examples: events.map(({ name, payload }) => ({ name, payload })) };
}

function partition<T>(all: readonly T[], isFirst: (one: T) => boolean): readonly [readonly T[], readonly T[]] {
  return [all.filter(isFirst), all.filter((one) => !isFirst(one))];
}
