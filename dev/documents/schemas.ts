import { BatchRequest } from '../../lib/api/batch.ts';
import { GameId } from '../../lib/api/game-request.ts';
import { InstanceId } from '../../lib/api/instance-id.ts';
import { AnyFailure } from '../../lib/api/reply.ts';
import type { Contract } from './contract.ts';
import { type Json, jsonSchemaOf } from './json-schema.ts';
import { FIELD_TEXTS } from './texts.ts';

/** A mention of something else in the same document. */
export function ref(...path: readonly string[]): { readonly $ref: string } {
  return { $ref: `#/${path.map((part) => part.replaceAll('~', '~0').replaceAll('/', '~1')).join('/')}` };
}

export function schemaRef(name: string) {
  return ref('components', 'schemas', name);
}

/** `AssignRequest`: what `assign` takes. */
export function nameOf(op: string, what: 'Request' | 'Reply'): string {
  return `${op[0]?.toUpperCase()}${op.slice(1)}${what}`;
}

/** Both documents' schemas of requests and replies, by name. */
export function operationSchemas({ ops, requests, replies }: Contract): Readonly<Record<string, Json>> {
  const entries = (['Request', 'Reply'] as const).flatMap((what) => {
    const schemas = what === 'Request' ? requests : replies;
    return ops.map((op) => {
      // An operation that takes the same as one before it is told so, unless there is nothing in it.
      const same = ops.find((other) => schemas[other] === schemas[op]) ?? op;
      const schema = jsonSchemaOf(schemas[op]);
      const isEmpty = Object.keys(schema['properties'] ?? {}).length === 0;
      return [nameOf(op, what), same === op || isEmpty ? schema : schemaRef(nameOf(same, what))] as const;
    });
  });
  return described(Object.fromEntries([...entries, ['FailureReply', jsonSchemaOf(AnyFailure)]]));
}

/** Those of `schemas` that `parts` of a document mention, and those that are mentioned in them. */
export function onlyUsed(schemas: Readonly<Record<string, Json>>, ...parts: readonly unknown[]): Record<string, Json> {
  const used = new Set<string>();
  function visit(part: unknown): void {
    for (const [, name = ''] of JSON.stringify(part).matchAll(/"#\/components\/schemas\/(\w+)"/g)) {
      if (used.has(name)) continue;
      used.add(name);
      visit(schemas[name]);
    }
  }
  for (const part of parts) visit(part);
  return Object.fromEntries(Object.entries(schemas).filter(([name]) => used.has(name)));
}

/** POST /batch */
export function batchSchemas({ ops }: Contract): Readonly<Record<string, Json>> {
  const anyReply = { anyOf: [...ops.map((op) => schemaRef(nameOf(op, 'Reply'))), schemaRef('FailureReply')] };
  const BatchReply = {
    type: 'object',
    properties: {
      v: { type: 'number', const: 1 },
      items: { type: 'array', description: "One reply for each item, in the items' order.", items: anyReply },
      attempts: {
        type: 'array',
        description: "The items' own, null where an item had none; absent where none had one.",
        items: { type: ['string', 'null'] },
      },
    },
    required: ['v', 'items'],
  };
  return described({ BatchRequest: jsonSchemaOf(BatchRequest), BatchReply });
}

/** game.assigned.<instance_id> */
export function eventSchemas({ replies }: Contract): Readonly<Record<string, Json>> {
  const { port, reassigned } = propertiesOf(jsonSchemaOf(replies.assign));
  return {
    InstanceId: jsonSchemaOf(InstanceId),
    GameId: jsonSchemaOf(GameId),
    AssignedEvent: {
      type: 'object',
      properties: { game_id: schemaRef('GameId'), instance_id: schemaRef('InstanceId'), port, reassigned },
      required: ['game_id', 'instance_id'],
    },
  };
}

function propertiesOf(schema: Json): Readonly<Record<string, Json>> {
  return schema['properties'] as Record<string, Json>;
}

/** The same schemas with the words of FIELD_TEXTS. A word for a field that is not there is an error. */
function described(schemas: Readonly<Record<string, Json>>): Readonly<Record<string, Json>> {
  const copies: Record<string, Json> = structuredClone(schemas);
  for (const [field, description] of Object.entries(FIELD_TEXTS)) {
    const [name = '', ...path] = field.split('.');
    let schema = copies[name];
    // What is said where the first of several operations has it is said for all of them.
    if (schema === undefined || '$ref' in schema) continue;
    for (const part of path) {
      const key = part.replace('[]', '');
      schema = propertiesOf(schema ?? {})?.[key];
      if (part.endsWith('[]')) schema = schema?.['items'] as Json | undefined;
      if (schema === undefined) throw new Error(`${field} is described, and is not there.`);
    }
    Object.assign(schema, { description });
  }
  return copies;
}
