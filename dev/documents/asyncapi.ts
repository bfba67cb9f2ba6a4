import type { Op } from '../../lib/api/op.ts';
import { FAILURES, type FailureCode } from '../../lib/api/outcomes.ts';
import { GAME_ID_MAX } from '../../lib/domain/ids.ts';
import type { Endpoint } from '../../lib/relay/endpoints.ts';
import { describeMessages } from './asyncapi-messages.ts';
import type { Contract } from './contract.ts';
import type { Examples } from './examples.ts';
import type { Json } from './json-schema.ts';
import { eventSchemas, nameOf, onlyUsed, operationSchemas, ref } from './schemas.ts';
import { COMMON_FAILURES, OPERATION_TEXTS } from './texts.ts';

const DESCRIPTION = `Tells a game backend where to run a new session: the address of a healthy, least loaded game server.

The subjects are those of the default configuration; \`SERVICES\` names others. All relays share one queue group, and a
request is answered once. Keys that are not described may be added; unknown keys of a request are ignored.`;

/** AsyncAPI 3.0 of the NATS door. */
export function buildAsyncApi(contract: Contract, examples: Examples): Json {
  const { endpoints, queue, eventSubject } = contract.nats;
  const requests = endpoints.filter(({ kind }) => kind === 'request');
  const events = endpoints.filter(({ kind }) => kind === 'event');
  const ops = contract.ops.filter((op) => requests.some((endpoint) => endpoint.op === op));
  const messages = describeMessages(contract, ops, examples);
  return {
    asyncapi: '3.0.0',
    info: {
      title: 'Game allocator',
      version: contract.version,
      description: DESCRIPTION,
      license: { name: 'MIT', url: 'https://opensource.org/license/mit' },
      tags: [{ name: 'games' }],
    },
    defaultContentType: 'application/json',
    servers: { nats: { host: 'localhost:4222', protocol: 'nats', description: 'Any server of the cluster.' } },
    channels: {
      ...Object.fromEntries(requests.map((endpoint) => [endpoint.subject, requestChannel(endpoint)])),
      ...Object.fromEntries(ops.map((op) => [replyChannelOf(op), replyChannel(op)])),
      ...Object.fromEntries(events.map((endpoint) => [addressOf(endpoint), releaseChannel(endpoint)])),
      [assignedAddress(eventSubject)]: assignedChannel(eventSubject),
    },
    operations: {
      ...Object.fromEntries(requests.map((endpoint) => [endpoint.name, requestOperation(endpoint, queue)])),
      ...Object.fromEntries(events.map((endpoint) => [endpoint.name, releaseOperation(endpoint, queue)])),
      assigned: assignedOperation(eventSubject),
    },
    components: {
      messages,
      schemas: onlyUsed({ ...operationSchemas(contract), ...eventSchemas(contract) }, messages),
    },
  };
}

function requestChannel({ op, subject }: Endpoint): Json {
  return { address: subject, messages: mentions(nameOf(op, 'Request')) };
}

/** The caller's own inbox, which NATS names in the message and not in a header. */
function replyChannel(op: Op): Json {
  return {
    address: null,
    description: "The request's reply subject.",
    messages: mentions(nameOf(op, 'Reply'), 'FailureReply'),
  };
}

function mentions(...names: readonly string[]) {
  return Object.fromEntries(names.map((name) => [name, ref('components', 'messages', name)]));
}

function replyChannelOf(op: Op): string {
  return `${op}.reply`;
}

function requestOperation({ op, subject, service }: Endpoint, queue: string): Json {
  const { summary, description, failures } = OPERATION_TEXTS[op];
  const reply = replyChannelOf(op);
  return {
    action: 'receive',
    channel: ref('channels', subject),
    summary: service === undefined ? summary : `${summary}, of ${service}`,
    description: `${description}\n\nFails with ${inWords([...COMMON_FAILURES.nats, ...failures])}.`,
    bindings: { nats: { queue } },
    messages: [ref('channels', subject, 'messages', nameOf(op, 'Request'))],
    reply: {
      channel: ref('channels', reply),
      messages: [nameOf(op, 'Reply'), 'FailureReply'].map((name) => ref('channels', reply, 'messages', name)),
    },
  };
}

function inWords(codes: readonly FailureCode[]): string {
  return codes.map((code) => `\`${code}\` (${FAILURES[code].status})`).join(', ');
}

function releaseChannel(endpoint: Endpoint): Json {
  return {
    address: addressOf(endpoint),
    description: "The backend's own event, as `RELEASE_SUBJECTS` names it; this subject is an example.",
    parameters: { game_id: { description: `The game: 1 to ${GAME_ID_MAX} characters, none of them a dot.` } },
    messages: mentions('GameOver'),
  };
}

function releaseOperation(endpoint: Endpoint, queue: string): Json {
  const channel = addressOf(endpoint);
  return {
    action: 'receive',
    channel: ref('channels', channel),
    summary: 'A game is over, told by an event',
    description: 'Releases the game. Nobody is answered.',
    bindings: { nats: { queue } },
    messages: [ref('channels', channel, 'messages', 'GameOver')],
  };
}

/** `game.over.*` with a parameter in the place of its last token. */
function addressOf({ subject }: Endpoint): string {
  return subject.replace(/\*$/, '{game_id}');
}

function assignedAddress(subject: string): string {
  return `${subject}.{instance_id}`;
}

function assignedChannel(subject: string): Json {
  return {
    address: assignedAddress(subject),
    description: 'With `ASSIGN_EVENTS`, once for each new assignment over NATS, after it is recorded.',
    parameters: { instance_id: { description: 'Where the game runs. It may have dots, and so be several tokens.' } },
    messages: mentions('AssignedEvent'),
  };
}

function assignedOperation(subject: string): Json {
  const channel = assignedAddress(subject);
  return {
    action: 'send',
    channel: ref('channels', channel),
    summary: 'A game has been assigned',
    messages: [ref('channels', channel, 'messages', 'AssignedEvent')],
  };
}
