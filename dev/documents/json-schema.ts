import * as z from 'zod/mini';
import type { $ZodCheck } from 'zod/v4/core';
import { SELECTOR_KEY_LENGTH, SELECTOR_KEYS, Selector } from '../../lib/api/assign-request.ts';
import { BatchItem } from '../../lib/api/batch.ts';
import { GameId } from '../../lib/api/game-request.ts';
import { InstanceId } from '../../lib/api/instance-id.ts';
import { GAME_ID_MAX, INSTANCE_ID_MAX, NOT_IN_GAME_ID, NOT_IN_INSTANCE_ID } from '../../lib/domain/ids.ts';
import { SELECTABLE_LENGTH } from '../../lib/domain/selector.ts';

/** JSON Schema, or any other part of a document. */
export type Json = Readonly<Record<string, unknown>>;

/** What zod cannot say of schemas that are checked by code of ours: made of the constants that the code uses. */
const CHECKED_BY_CODE: ReadonlyMap<unknown, Json> = new Map<unknown, Json>([
  [
    GameId,
    {
      type: 'string',
      minLength: 1,
      maxLength: GAME_ID_MAX,
      pattern: `^${others(NOT_IN_GAME_ID)}+$`,
      description: 'Any script, well-formed Unicode, without white space and control characters; kept to the letter.',
    },
  ],
  [
    InstanceId,
    {
      type: 'string',
      maxLength: INSTANCE_ID_MAX,
      pattern: `^${tokens(others(NOT_IN_INSTANCE_ID, '.'))}$`,
      description: "The instance's address in Consul, or its service ID. It can be used in a NATS subject.",
    },
  ],
  [BatchItem.shape.request, { description: 'As the operation has it; anything else fails this item alone.' }],
  [
    Selector,
    {
      type: 'object',
      maxProperties: SELECTOR_KEYS,
      propertyNames: { minLength: 1, maxLength: SELECTOR_KEY_LENGTH },
      additionalProperties: {
        anyOf: [{ type: 'string', minLength: 1, maxLength: SELECTABLE_LENGTH }, { const: true }],
      },
      description: '`{"region": "eu"}`: in its Meta, or its tag `region=eu`; `{"gpu": true}`: its tag `gpu`.',
    },
  ],
]);

/** The JSON Schema of what comes in by `schema`. Keys that it does not know are allowed, as they are over the wire. */
export function jsonSchemaOf(schema: z.ZodMiniType): Json {
  const { $schema: _, ...made } = z.toJSONSchema(schema, {
    io: 'input',
    unrepresentable: 'any',
    override({ zodSchema, jsonSchema, path }) {
      const known = CHECKED_BY_CODE.get(zodSchema);
      if (known !== undefined) Object.assign(jsonSchema, known);
      else if (zodSchema._zod.def.checks?.some(isCode))
        throw new Error(`${path.join('.')} is checked by code: add it here.`);
    },
  });
  return made;
}

function isCode({ _zod }: $ZodCheck): boolean {
  return _zod.def.check === 'custom';
}

/**
 * One character that is not `unwanted`, and none of `more`: with each range of them spelt out, since classes such as
 * \p{White_Space} are not known to the readers of JSON Schema in other languages.
 */
function others(unwanted: RegExp, more = ''): string {
  const ranges: string[] = [];
  for (let code = 0; code <= 0xffff; code += 1) {
    const first = code;
    while (code <= 0xffff && isUnwanted(code, unwanted, more)) code += 1;
    if (code > first) ranges.push(code - first === 1 ? escaped(first) : `${escaped(first)}-${escaped(code - 1)}`);
  }
  return `[^${ranges.join('')}]`;
}

function isUnwanted(code: number, unwanted: RegExp, more: string): boolean {
  const character = String.fromCharCode(code);
  return unwanted.test(character) || more.includes(character);
}

function escaped(code: number): string {
  return `\\u${code.toString(16).padStart(4, '0')}`;
}

/** One or more of them, separated by dots. */
function tokens(character: string): string {
  return String.raw`${character}+(\.${character}+)*`;
}
