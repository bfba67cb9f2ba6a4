import { FAILURES, type FailureCode, RETRY_AFTER_S } from '../../lib/api/outcomes.ts';
import type { Contract, HttpRoute } from './contract.ts';
import { type Examples, type HttpExample, isFailure } from './examples.ts';
import { ANSWERED_TRACE, type HeaderText, TIMEOUT, TRACE } from './headers.ts';
import type { Json } from './json-schema.ts';
import { batchSchemas, nameOf, onlyUsed, operationSchemas, ref, schemaRef } from './schemas.ts';
import { COMMON_FAILURES, OPERATION_TEXTS, ROUTE_TEXTS, TAG_TEXTS } from './texts.ts';

const DESCRIPTION = `Tells a game backend where to run a new session: the address of a healthy, least loaded game server.

A failure is JSON too: \`{"success": false, "message": "...", "code": "...", "retryable": true}\`. Keys that are not
described may be added; unknown keys of a request are ignored. A relay with CONSOLE_TOKEN answers some of these routes on
its own port.`;

/** OpenAPI 3.1 of the HTTPS door. */
export function buildOpenApi(contract: Contract, examples: Examples): Json {
  const paths: Record<string, Record<string, Json>> = {};
  for (const route of contract.routes) {
    const operation = describeOperation(
      route,
      examples.https.filter((example) => example.route === route.key),
    );
    paths[route.path] = { ...paths[route.path], [route.method.toLowerCase()]: operation };
  }
  const tags = [...new Set(contract.routes.map(({ functionName }) => functionName))];
  return {
    openapi: '3.1.1',
    info: {
      title: 'Game allocator',
      version: contract.version,
      description: DESCRIPTION,
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [
      {
        url: 'https://{api}.execute-api.{region}.amazonaws.com',
        description: 'The HTTP API of a deployed stage.',
        variables: { api: { default: 'abcdefghij' }, region: { default: 'eu-central-1' } },
      },
    ],
    security: [{ bearer: [] }],
    tags: tags.map((name) => ({ name, description: textOf(TAG_TEXTS, name) })),
    paths,
    components: {
      securitySchemes: { bearer: { type: 'http', scheme: 'bearer', description: 'One of `API_TOKENS`.' } },
      parameters: Object.fromEntries([TIMEOUT, ...TRACE].map((header) => [header.name, asParameter(header)])),
      headers: {
        traceparent: asHeader(ANSWERED_TRACE),
        'Retry-After': {
          description: 'Seconds until asking again is worth it.',
          schema: { type: 'integer' },
          example: RETRY_AFTER_S,
        },
        'WWW-Authenticate': { description: 'What is missing.', schema: { type: 'string' }, example: 'Bearer' },
      },
      schemas: onlyUsed({ ...operationSchemas(contract), ...batchSchemas(contract), HealthReply: HEALTH }, paths),
    },
  };
}

const HEALTH = {
  type: 'object',
  properties: { status: { const: 'ok' }, service: { type: 'string' } },
  required: ['status', 'service'],
};

function describeOperation(route: HttpRoute, examples: readonly HttpExample[]): Json {
  const { op, functionName } = route;
  const { summary, description } = op === undefined ? textOf(ROUTE_TEXTS, functionName) : OPERATION_TEXTS[op];
  const answered = examples.filter(({ status }) => status === 200);
  return {
    operationId: op ?? functionName,
    summary,
    description,
    tags: [functionName],
    ...(route.open && { security: [] }),
    parameters: [
      ...route.parameters.map((name) => pathParameter(name, examples)),
      ...[TIMEOUT, ...TRACE].map(({ name }) => ref('components', 'parameters', name)),
    ],
    ...(route.body !== 'none' && { requestBody: requestBody(route, examples) }),
    responses: { 200: success(route, answered), ...failures(route, examples) },
  };
}

function pathParameter(name: string, examples: readonly HttpExample[]): Json {
  const example = examples.find(({ parameters }) => parameters[name] !== undefined)?.parameters[name];
  const isGame = name === 'game_id';
  return {
    name,
    in: 'path',
    required: true,
    description: isGame ? 'As it was assigned, encoded for a URL.' : 'As Consul names it.',
    schema: isGame ? { type: 'string', minLength: 1 } : { type: 'string' },
    ...(example !== undefined && { example }),
  };
}

function requestBody({ op, body }: HttpRoute, examples: readonly HttpExample[]): Json {
  const valid = examples.filter(({ status, request }) => status !== 400 && request !== undefined);
  return {
    required: body === 'required',
    content: {
      'application/json': {
        schema: schemaRef(op === undefined ? 'BatchRequest' : nameOf(op, 'Request')),
        ...exampleMap(valid, ({ request }) => request),
      },
    },
  };
}

function success({ op, functionName }: HttpRoute, examples: readonly HttpExample[]): Json {
  if (examples.some(({ reply }) => typeof reply === 'string')) {
    return { description: 'The page.', content: { 'text/html': { schema: { type: 'string' } } } };
  }
  const special = functionName === 'health' ? 'HealthReply' : 'BatchReply';
  return {
    description: 'Done.',
    headers: { traceparent: ref('components', 'headers', 'traceparent') },
    content: {
      'application/json': {
        schema: schemaRef(op === undefined ? special : nameOf(op, 'Reply')),
        ...exampleMap(examples, ({ reply }) => reply),
      },
    },
  };
}

/** By status, each with the codes that it stands for. */
function failures(route: HttpRoute, examples: readonly HttpExample[]): Record<string, Json> {
  const byStatus = Object.groupBy(codesOf(route), (code) => FAILURES[code].status);
  return Object.fromEntries(
    Object.entries(byStatus).map(([status, codes = []]) => {
      const own = examples.filter(({ reply }) => isFailure(reply) && codes.some((code) => code === reply.code));
      const headers = {
        traceparent: ref('components', 'headers', 'traceparent'),
        ...(status === '429' && { 'Retry-After': ref('components', 'headers', 'Retry-After') }),
        ...(status === '401' && { 'WWW-Authenticate': ref('components', 'headers', 'WWW-Authenticate') }),
      };
      const content = { schema: schemaRef('FailureReply'), ...exampleMap(own, ({ reply }) => reply) };
      return [status, { description: inWords(codes), headers, content: { 'application/json': content } }];
    }),
  );
}

function codesOf({ op, open, body }: HttpRoute): readonly FailureCode[] {
  // Nobody is asked for what is open to all: only its headers can be wrong.
  if (open) return ['invalid_request'];
  const common = COMMON_FAILURES.https.filter((code) => code !== 'too_large' || body !== 'none');
  return [...common, ...(op === undefined ? [] : OPERATION_TEXTS[op].failures)];
}

function inWords(codes: readonly FailureCode[]): string {
  return codes
    .map((code) => {
      const { message, retryable } = FAILURES[code];
      return `\`${code}\`${retryable ? ' (asking again can help)' : ''}: ${message}`;
    })
    .join('\n\n');
}

function exampleMap(examples: readonly HttpExample[], shown: (example: HttpExample) => unknown) {
  if (examples.length === 0) return undefined;
  return {
    examples: Object.fromEntries(
      examples.map((example) => [
        example.name.replaceAll(/[^\w.-]+/g, '-'),
        { summary: example.name, value: shown(example) },
      ]),
    ),
  };
}

function asParameter({ name, description, schema }: HeaderText): Json {
  return { name, in: 'header', description, schema };
}

function asHeader({ description, schema }: HeaderText): Json {
  return { description, schema };
}

function textOf<T>(texts: Readonly<Record<string, T>>, name: string): T {
  const text = texts[name];
  if (text === undefined) throw new Error(`The function ${name} has no text in dev/documents/texts.ts.`);
  return text;
}
