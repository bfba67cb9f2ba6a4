import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import * as z from 'zod/mini';
import { type Contract, readContract } from '../../dev/documents/contract.ts';
import { type Examples, isFailure, keepUnchanged } from '../../dev/documents/examples.ts';
import { differing, makeDocuments, readExamples, writeDocuments } from '../../dev/documents/files.ts';
import { type Json, jsonSchemaOf } from '../../dev/documents/json-schema.ts';
import { wrongExamples } from '../../dev/documents/message-examples.ts';
import { batchSchemas, operationSchemas } from '../../dev/documents/schemas.ts';
import { FIELD_TEXTS } from '../../dev/documents/texts.ts';
import { lintOpenApi, parseAsyncApi } from '../../dev/documents/validate.ts';
import { AssignRequest } from '../../lib/api/assign-request.ts';
import { GameId, GameRequest } from '../../lib/api/game-request.ts';
import { InstanceId } from '../../lib/api/instance-id.ts';
import { FAILURES } from '../../lib/api/outcomes.ts';
import { readReply } from '../../lib/api/reply.ts';
import { readEnv } from '../../lib/config/env.ts';
import { ServicesVariables, toServices } from '../../lib/config/services.ts';
import { gameIdProblem, isInstanceId } from '../../lib/domain/ids.ts';

const NAMES = ['openapi.json', 'asyncapi.json'];

let contract: Contract;
let examples: Examples;
let folder = '';

beforeAll(async () => {
  contract = await readContract();
  examples = (await readExamples('docs'))!;
  folder = await mkdtemp(join(tmpdir(), 'documents-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

interface OpenApi {
  readonly paths: Readonly<
    Record<string, Readonly<Record<string, { readonly responses: Readonly<Record<string, unknown>> }>>>
  >;
}

interface AsyncApi {
  readonly channels: Readonly<Record<string, { readonly address: string | null }>>;
  readonly operations: Readonly<Record<string, { readonly bindings?: unknown }>>;
}

async function read<T>(name: string): Promise<T> {
  return JSON.parse(await readFile(join('docs', name), 'utf8')) as T;
}

describe('drift', () => {
  it('there is none, and both documents are valid', async () => {
    expect(await differing('docs', makeDocuments(contract, examples))).toEqual([]);
    expect(await lintOpenApi('docs/openapi.json')).toBe('');
    expect(await parseAsyncApi('docs/asyncapi.json')).toBe('');
  });

  it('is seen when a request, a reply, a route or a subject has changed', async () => {
    const { requests, replies, routes, nats } = contract;
    const more = { more: z.optional(z.string()) };
    const resized = z.object({ resource_type: z.optional(z.enum(['cpu', 'ram', 'disk'])) });
    const changes: readonly (readonly [object, readonly string[]])[] = [
      [{ requests: { ...requests, assign: z.extend(AssignRequest, more) } }, NAMES],
      [{ requests: { ...requests, instance: resized } }, NAMES],
      [{ replies: { ...replies, release: z.object({ success: z.literal(true), ...more }) } }, NAMES],
      [{ routes: routes.slice(1) }, ['openapi.json']],
      [{ nats: { ...nats, endpoints: nats.endpoints.slice(1) } }, ['asyncapi.json']],
      [{ nats: { ...nats, queue: 'another' } }, ['asyncapi.json']],
    ];

    for (const [change, names] of changes) {
      expect(await differing('docs', makeDocuments({ ...contract, ...change }, examples))).toEqual(names);
    }
  });

  it('is seen when an example is another', async () => {
    const shown = { ...examples, nats: examples.nats.slice(1) };

    expect(await differing('docs', makeDocuments(contract, shown))).toEqual(['asyncapi.json']);
  });

  it('is refused where a field that is described is not there any more', () => {
    const requests = { ...contract.requests, assign: GameRequest as unknown as typeof AssignRequest };

    expect(() => makeDocuments({ ...contract, requests }, examples)).toThrow('is described, and is not there');
  });

  it('is gone when the documents are written', async () => {
    const documents = makeDocuments({ ...contract, version: '99.0.0' }, examples);

    expect(await writeDocuments(folder, documents)).toEqual(NAMES);
    expect(await writeDocuments(folder, documents)).toEqual([]);
    expect(await differing(folder, documents)).toEqual([]);
  });
});

describe('what is told', () => {
  it('is every route of serverless.yml and no other', async () => {
    const { functions } = parse(await readFile('serverless.yml', 'utf8')) as {
      readonly functions: Record<string, { readonly events: readonly { readonly httpApi: string }[] }>;
    };
    const routes = Object.values(functions).flatMap(({ events }) => events.map(({ httpApi }) => httpApi));
    const { paths } = await read<OpenApi>('openapi.json');
    const told = Object.entries(paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
    );

    expect(told.toSorted()).toEqual(routes.toSorted());
    expect(routes.length).toBeGreaterThan(7);
  });

  it('is every default subject and no other, beside events', async () => {
    const subjects = toServices(readEnv(z.object(ServicesVariables), {})).flatMap((service) =>
      Object.values(service.subjects),
    );
    const { channels, operations } = await read<AsyncApi>('asyncapi.json');
    const addresses = Object.values(channels).flatMap(({ address }) => address ?? []);

    expect(addresses.toSorted()).toEqual(
      [...subjects, 'game.over.{game_id}', 'game.assigned.{instance_id}'].toSorted(),
    );
    const queues = Object.values(operations).flatMap(({ bindings }) => bindings ?? []);
    expect(new Set(queues.map((queue) => JSON.stringify(queue)))).toEqual(
      new Set(['{"nats":{"queue":"game-allocator"}}']),
    );
    expect(queues.length).toBe(subjects.length + 1);
  });

  it('is the status of every failure', async () => {
    const { paths } = await read<OpenApi>('openapi.json');
    const statuses = Object.values(paths).flatMap((methods) =>
      Object.values(methods).flatMap(({ responses }) => Object.keys(responses).map(Number)),
    );

    expect(new Set(statuses)).toEqual(new Set([200, ...Object.values(FAILURES).map(({ status }) => status)]));
  });

  it('has no word for a field of a schema that is not there', () => {
    const names = Object.keys({ ...operationSchemas(contract), ...batchSchemas(contract) });

    for (const field of Object.keys(FIELD_TEXTS)) expect(names).toContain(field.split('.')[0]);
  });
});

describe('examples', () => {
  it('have a success of each operation over each door that has it, and a failure of every code', () => {
    const natsOps = new Set(contract.nats.endpoints.filter(({ kind }) => kind === 'request').map(({ op }) => op));
    for (const op of contract.ops) {
      const routes = contract.routes.filter((route) => route.op === op).map(({ key }) => key);
      const overHttps = examples.https.filter(({ route, status }) => routes.includes(route) && status === 200);
      const overNats = examples.nats.filter(({ endpoint, reply }) => endpoint === op && !isFailure(reply));

      expect([op, overHttps.length > 0, overNats.length > 0]).toEqual([op, routes.length > 0, natsOps.has(op)]);
    }
    const failed = [...examples.https, ...examples.nats].flatMap(({ reply }) => (isFailure(reply) ? reply.code : []));
    expect(new Set(failed)).toEqual(new Set(Object.keys(FAILURES)));
  });

  it('are what the schemas of the code say, to the letter', () => {
    const opOf = (example: { readonly route?: string; readonly endpoint?: string }) =>
      contract.routes.find(({ key }) => key === example.route)?.op ??
      contract.nats.endpoints.find(({ name }) => name === example.endpoint)?.op;
    for (const example of [...examples.https, ...examples.nats]) {
      const op = opOf(example);
      if (op === undefined) continue;
      expect(readReply(op, example.reply)).toEqual(example.reply);
      if (example.request === undefined) continue;
      const isWrong = isFailure(example.reply) && example.reply.code === 'invalid_request';
      expect([example.name, contract.requests[op].safeParse(example.request).success]).toEqual([
        example.name,
        !isWrong,
      ]);
    }
  });

  it('are found where they do not fit their schema in the document', async () => {
    const documents = makeDocuments(contract, wrongly(examples));
    await writeDocuments(folder, documents);

    expect(wrongExamples(JSON.parse(documents.get('asyncapi.json')!) as Json)).toContain(
      'AssignReply, "a new game": payload.instance_id: ',
    );
    expect(await parseAsyncApi(join(folder, 'asyncapi.json'))).toContain('instance_id');
    expect(await lintOpenApi(join(folder, 'openapi.json'))).toContain('no-invalid-media-type-examples');
  });

  it('stay as they are where a new record says the same with other values', () => {
    const [first, ...others] = examples.nats;
    const known = { ...examples, nats: [first!, ...others] };
    const other = { ...first!, reply: { success: true, instance_id: '10.9.9.9', port: 1 } };
    const more = { ...first!, reply: { success: true, instance_id: '10.9.9.9', port: 1, replayed: true } };
    const failed = { ...first!, reply: { success: false, code: 'conflict', message: 'm', retryable: false } };
    const reworded = { ...failed, reply: { ...failed.reply, message: 'n' } };
    const recorded = (example: Examples['nats'][number]) => ({ ...examples, nats: [example] });

    expect(keepUnchanged(recorded(other), known).nats).toEqual([first]);
    expect(keepUnchanged(recorded(more), known).nats).toEqual([more]);
    expect(keepUnchanged(recorded(failed), known).nats).toEqual([failed]);
    expect(keepUnchanged(recorded(reworded), recorded(failed)).nats).toEqual([reworded]);
    expect(keepUnchanged(recorded(other), undefined).nats).toEqual([other]);
  });
});

/** The same with an instance whose name is a number, over both doors. */
function wrongly({ https, nats, events }: Examples): Examples {
  const reply = { success: true, instance_id: 5 };
  return {
    https: https.map((one, i) => (i === 0 ? { ...one, reply } : one)),
    nats: nats.map((one, i) => (i === 0 ? { ...one, reply } : one)),
    events,
  };
}

describe('JSON Schema', () => {
  const pattern = (schema: Json) => new RegExp(String(schema['pattern']));
  const spaces = Array.from({ length: 0x3100 }, (_, code) => `a${String.fromCharCode(code)}b`);

  it('says of ids what the code says', () => {
    const game = pattern(jsonSchemaOf(GameId));
    const instance = pattern(jsonSchemaOf(InstanceId));
    for (const id of [...spaces, 'a\ufeffb', 'a\ufffdb', 'ё🎮/?#', '']) {
      expect([id, game.test(id)]).toEqual([id, gameIdProblem(id) === undefined]);
      expect([id, instance.test(id)]).toEqual([id, isInstanceId(id)]);
    }
    for (const id of ['10.0.0.3', 'a..b', '.a', 'a.', 'a*', 'a>']) {
      expect([id, instance.test(id)]).toEqual([id, isInstanceId(id)]);
    }
  });

  it('is refused of what is checked by code and is not described', () => {
    const schema = z.object({ name: z.string().check(z.refine((name) => name !== 'x')) });

    expect(() => jsonSchemaOf(schema)).toThrow('properties.name is checked by code');
  });

  it('does not forbid keys that it does not know', () => {
    const schemas = JSON.stringify({ ...operationSchemas(contract), ...batchSchemas(contract) });

    expect(schemas).not.toContain('"additionalProperties":false');
  });
});

it('says what is wrong with a document', async () => {
  const broken = join(folder, 'broken.json');
  await writeFile(broken, '{"openapi": "3.1.1", "asyncapi": "3.0.0"}');

  expect(await lintOpenApi(broken)).toContain('error');
  expect(await parseAsyncApi(broken)).toContain('info');
});
