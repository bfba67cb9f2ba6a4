import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

export interface Resource {
  readonly Type: string;
  // biome-ignore lint/suspicious/noExplicitAny: what AWS has hundreds of forms for, and a test looks at a few of
  readonly Properties: any;
}

export interface Template {
  readonly resources: Readonly<Record<string, Resource>>;
  readonly outputs: Readonly<Record<string, unknown>>;
  /** Everything of one type, by name. */
  ofType(type: string): Readonly<Record<string, Resource>>;
  /** The properties of a resource that there must be. */
  properties(name: string): Resource['Properties'];
}

export interface Statement {
  readonly Effect: string;
  readonly Action: string | readonly string[];
  readonly Resource?: unknown;
  readonly Principal?: unknown;
  readonly Condition?: unknown;
}

/** What CloudFormation would create from a packaged template: without what its conditions leave out. */
export async function readTemplate(folder: string): Promise<Template> {
  const text = await readFile(join(folder, 'cloudformation-template-update-stack.json'), 'utf8');
  const { Resources, Outputs, Conditions = {} } = JSON.parse(text);
  const holds = (name: string) => evaluate(Conditions[name]);
  const resources = withoutOthers<Resource>(Resources, holds);
  return {
    resources,
    outputs: withoutOthers(Outputs, holds),
    ofType: (type) => Object.fromEntries(Object.entries(resources).filter(([, { Type }]) => Type === type)),
    properties(name) {
      const found = resources[name];
      if (found === undefined) throw new Error(`the template has no ${name}`);
      return found.Properties;
    },
  };
}

/** Every statement of every policy below `value`. */
export function statementsIn(value: unknown): readonly Statement[] {
  if (typeof value !== 'object' || value === null) return [];
  const own = 'Statement' in value ? [value.Statement].flat() : [];
  return [...(own as Statement[]), ...Object.values(value).flatMap(statementsIn)];
}

type Holds = (condition: string) => boolean;

/** A condition of literals, as ours are once the framework has put the parameters in. */
function evaluate(condition: Readonly<Record<string, unknown[]>>): boolean {
  const [name, parts = []] = Object.entries(condition)[0] ?? [];
  switch (name) {
    case 'Fn::Not':
      return !evaluate(parts[0] as never);
    case 'Fn::And':
      return parts.every((part) => evaluate(part as never));
    case 'Fn::Equals':
      return String(parts[0]) === String(parts[1]);
    default:
      throw new Error(`condition of an unknown kind: ${name}`);
  }
}

function withoutOthers<T>(
  entries: Readonly<Record<string, { readonly Condition?: string }>>,
  holds: Holds,
): Readonly<Record<string, T>> {
  const there = Object.entries(entries).filter(([, { Condition }]) => Condition === undefined || holds(Condition));
  return Object.fromEntries(there.map(([name, entry]) => [name, choose(entry, holds) as T]));
}

const NOTHING = Symbol('AWS::NoValue');

/** `value` with each Fn::If replaced by what it comes to. */
function choose(value: unknown, holds: Holds): unknown {
  if (Array.isArray(value)) return value.map((each) => choose(each, holds)).filter((each) => each !== NOTHING);
  if (typeof value !== 'object' || value === null) return value;
  if ('Ref' in value && value.Ref === 'AWS::NoValue') return NOTHING;
  if ('Fn::If' in value) {
    const [condition, yes, no] = value['Fn::If'] as [string, unknown, unknown];
    return choose(holds(condition) ? yes : no, holds);
  }
  const entries = Object.entries(value).map(([key, each]) => [key, choose(each, holds)]);
  return Object.fromEntries(entries.filter(([, each]) => each !== NOTHING));
}
