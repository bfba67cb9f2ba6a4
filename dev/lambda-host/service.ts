import { readFile } from 'node:fs/promises';
import { parse } from 'yaml';

export interface FunctionSpec {
  /** Its key in serverless.yml. */
  readonly name: string;
  /** `<service>-<stage>-<name>`, the name that Lambda knows. */
  readonly fullName: string;
  readonly arn: string;
  readonly handler: string;
  readonly timeoutMs: number;
  readonly memoryMb: number;
}

export interface Route {
  /** `POST /batch`, as it stands in serverless.yml. */
  readonly routeKey: string;
  readonly method: string;
  readonly segments: readonly string[];
  readonly functionName: string;
}

export interface Service {
  readonly functions: readonly FunctionSpec[];
  readonly routes: readonly Route[];
  /** The function that has a function URL, if any. */
  readonly urlFunction: string | undefined;
}

/**
 * Reads functions and HTTP routes from a serverless.yml. Variables (`${...}`) are not resolved: only literal values
 * of handler, timeout, memorySize, httpApi and url count.
 */
export async function readService(path: string): Promise<Service> {
  const { service = 'service', provider = {}, functions = {} }: ServerlessFile = parse(await readFile(path, 'utf8'));
  const specs: FunctionSpec[] = [];
  const routes: Route[] = [];
  let urlFunction: string | undefined;
  for (const [name, entry] of Object.entries(functions)) {
    const fullName = `${service}-local-${name}`;
    specs.push({
      name,
      fullName,
      arn: `arn:aws:lambda:eu-central-1:000000000000:function:${fullName}`,
      handler: entry.handler,
      timeoutMs: (entry.timeout ?? provider.timeout ?? 6) * 1000,
      memoryMb: entry.memorySize ?? provider.memorySize ?? 1024,
    });
    if (entry.url !== undefined && entry.url !== false) urlFunction ??= name;
    for (const { httpApi } of entry.events ?? []) {
      if (httpApi !== undefined) routes.push(routeOf(httpApi, name));
    }
  }
  return { functions: specs, routes: routes.sort(bySpecificity), urlFunction };
}

/** The route of a request with its decoded path parameters, or undefined: API Gateway's 404. */
export function matchRoute(
  routes: readonly Route[],
  method: string,
  path: string,
): { readonly route: Route; readonly parameters: Readonly<Record<string, string>> } | undefined {
  const segments = path.split('/').slice(1);
  for (const route of routes) {
    if (route.method !== '*' && route.method !== 'ANY' && route.method !== method) continue;
    const parameters = matchSegments(route.segments, segments);
    if (parameters !== undefined) return { route, parameters };
  }
  return undefined;
}

interface ServerlessFile {
  service?: string;
  provider?: { timeout?: number; memorySize?: number };
  functions?: Record<
    string,
    {
      handler: string;
      timeout?: number;
      memorySize?: number;
      url?: unknown;
      events?: { httpApi?: string | { method: string; path: string } }[];
    }
  >;
}

function routeOf(httpApi: string | { method: string; path: string }, functionName: string): Route {
  const text = typeof httpApi === 'string' ? httpApi : `${httpApi.method} ${httpApi.path}`;
  const [first = '*', path = '/{proxy+}'] = text.split(' ');
  const method = first.toUpperCase();
  return { routeKey: `${method} ${path}`, method, segments: path.split('/').slice(1), functionName };
}

/** Literal paths win over parameters, those over greedy ones. */
function bySpecificity(a: Route, b: Route): number {
  return rank(a) - rank(b);
}

function rank({ segments }: Route): number {
  if (segments.some((segment) => segment.endsWith('+}'))) return 2;
  return segments.some((segment) => segment.startsWith('{')) ? 1 : 0;
}

function matchSegments(pattern: readonly string[], actual: readonly string[]): Record<string, string> | undefined {
  const parameters: Record<string, string> = {};
  for (const [index, segment] of pattern.entries()) {
    const value = actual[index];
    if (value === undefined) return undefined;
    if (segment.endsWith('+}')) {
      parameters[segment.slice(1, -2)] = decode(actual.slice(index).join('/'));
      return parameters;
    }
    if (segment.startsWith('{')) {
      if (value === '') return undefined;
      parameters[segment.slice(1, -1)] = decode(value);
    } else if (segment !== value) return undefined;
  }
  return pattern.length === actual.length ? parameters : undefined;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
