import { type NatsConnection, headers as natsHeaders } from 'nats';
import type { StackAddresses } from '../stack.ts';
import type { Contract, HttpRoute } from './contract.ts';
import type { HttpExample, NatsExample } from './examples.ts';
import type { Wish } from './wishes.ts';

/** A way to ask for something. */
export interface Door<Example> {
  /** Undefined where it cannot be asked for here. */
  ask(wish: Wish): Promise<Example> | undefined;
}

/** Long enough for a cold start on a crowded machine, ms; not shown, since it is not what callers usually say. */
const PATIENT = '5000';
const LIMIT_MS = 15_000;
/** Of an answer's headers those that the documents tell of. */
const TOLD = ['traceparent', 'retry-after', 'www-authenticate'];

/** `subject`: instead of the endpoint's own. */
export function natsDoor(nats: NatsConnection, { nats: { endpoints } }: Contract, subject?: string): Door<NatsExample> {
  async function request(endpoint: string, address: string, wish: Wish): Promise<NatsExample> {
    const said = natsHeaders();
    for (const [name, value] of Object.entries({ 'Timeout-Ms': PATIENT, ...wish.headers })) said.set(name, value);
    const answer = await nats.request(address, JSON.stringify(wish.request), { timeout: LIMIT_MS, headers: said });
    return {
      name: wish.name,
      endpoint,
      headers: wish.headers ?? {},
      ...(!wish.hidden && { request: wish.request }),
      replyHeaders: Object.fromEntries([...(answer.headers ?? [])].map(([name, values]) => [name, values.join(', ')])),
      reply: answer.json(),
    };
  }

  return {
    ask(wish) {
      const endpoint = endpoints.find(({ op, kind }) => op === wish.op && kind === 'request');
      return endpoint && request(endpoint.name, subject ?? endpoint.subject, wish);
    },
  };
}

export function httpsDoor(addresses: StackAddresses, { routes, services }: Contract): Door<HttpExample> {
  return {
    ask(wish) {
      const route = routes.find(({ op }) => op === wish.op);
      return route && askRoute(addresses, route, wish, { service: services[0].name });
    },
  };
}

/** @param token the stack's own, unless another is to be tried */
export async function askRoute(
  { assignUrl, assignToken }: StackAddresses,
  route: HttpRoute,
  wish: Omit<Wish, 'op'>,
  known: Readonly<Record<string, string>> = {},
  token = assignToken,
): Promise<HttpExample> {
  const parameters = parametersOf(route, { ...known, ...(wish.request as Record<string, string>) });
  const path = route.path.replaceAll(/\{(\w+)\}/g, (_, name) => encodeURIComponent(parameters[name] ?? ''));
  const body = route.body === 'none' ? undefined : JSON.stringify(wish.request);
  const response = await fetch(new URL(path, assignUrl), {
    method: route.method,
    headers: { ...(!route.open && { authorization: `Bearer ${token}` }), 'timeout-ms': PATIENT, ...wish.headers },
    ...(body !== undefined && { body }),
  });
  const isJson = response.headers.get('content-type')?.startsWith('application/json');
  return {
    name: wish.name,
    route: route.key,
    parameters,
    headers: wish.headers ?? {},
    ...(body !== undefined && !wish.hidden && { request: wish.request }),
    status: response.status,
    answerHeaders: Object.fromEntries([...response.headers].filter(([name]) => TOLD.includes(name))),
    reply: isJson ? await response.json() : `${(await response.text()).slice(0, 15)}...`,
  };
}

function parametersOf({ parameters }: HttpRoute, values: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(parameters.map((name) => [name, values[name] ?? '']));
}
