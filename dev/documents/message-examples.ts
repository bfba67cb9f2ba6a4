import { z } from 'zod';
import type { Json } from './json-schema.ts';

interface Message {
  readonly headers?: Json;
  readonly payload: Json;
  readonly examples?: readonly { readonly name: string; readonly headers?: unknown; readonly payload: unknown }[];
}

/**
 * What is wrong with the examples of an AsyncAPI document's messages, one line each; empty: nothing. AsyncAPI's own parser
 * looks at those of version 2 only.
 */
export function wrongExamples(document: Json): string {
  const { messages, schemas } = document['components'] as {
    readonly messages: Readonly<Record<string, Message>>;
    readonly schemas: Readonly<Record<string, Json>>;
  };
  const lines = Object.entries(messages).flatMap(([name, { headers = {}, payload, examples = [] }]) => {
    const checks = { headers: toZod(headers, schemas), payload: toZod(payload, schemas) };
    return examples.flatMap((example) =>
      (['headers', 'payload'] as const).flatMap((part) => {
        if (example[part] === undefined) return [];
        const { error } = checks[part].safeParse(example[part]);
        const issues = error?.issues ?? [];
        return issues.map(
          ({ path, message }) => `${name}, "${example.name}": ${[part, ...path].join('.')}: ${message}`,
        );
      }),
    );
  });
  return lines.join('\n');
}

/** As it stands in the document, and not as the code has it: that is what is to be checked. */
function toZod(schema: Json, schemas: Readonly<Record<string, Json>>): z.ZodType {
  const text = JSON.stringify({ ...schema, $defs: schemas });
  return z.fromJSONSchema(JSON.parse(text.replaceAll('"#/components/schemas/', '"#/$defs/')));
}
