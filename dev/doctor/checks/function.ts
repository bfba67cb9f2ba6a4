import * as z from 'zod/mini';
import { createHttpClient, type HttpClient } from '../../../lib/adapters/http/http-client.ts';
import { jsonAnswer } from '../../../lib/adapters/http/json-answer.ts';
import { standardCredentials } from '../../../lib/adapters/iam/aws-credentials.ts';
import { createSigningClient } from '../../../lib/adapters/iam/signing-client.ts';
import { MAX_TIMEOUT_MS } from '../../../lib/api/batch.ts';
import { UpstreamError } from '../../../lib/app/upstream-error.ts';
import type { RelayConfig } from '../../../lib/config/relay-config.ts';
import { type Asking, timed } from '../ask.ts';
import { explainFailure, shown } from '../explain-failure.ts';
import { type Checked, type Finding, failed, ok, skipped } from '../report.ts';
import { SILENT } from './consul.ts';

const MAX_ANSWER_BYTES = 64 * 1024;

const Answer = z.object({
  items: z.tuple([z.object({ success: z.boolean(), code: z.optional(z.string()), message: z.optional(z.string()) })]),
});

/** Whether the function is up, lets the relay in, and has what it needs: looks up a game that nobody has. */
export async function checkFunction({ allocator }: RelayConfig, asking: Asking): Promise<Checked> {
  if (allocator.kind === 'own') return skipped('ALLOCATOR_URL is not set: the relay decides in its own process');
  const { url, auth } = allocator;
  const token = auth.kind === 'token' ? auth.token : undefined;
  const http = createHttpClient({
    upstream: 'allocator',
    baseUrl: new URL(url.origin),
    maxResponseBytes: MAX_ANSWER_BYTES,
    ...(token === undefined ? {} : { headers: () => ({ authorization: `Bearer ${token}` }) }),
  });
  const door = auth.kind === 'iam' ? signing(http, url, auth.region) : http;
  try {
    const [health, lookUp] = await Promise.all([askHealth(http, url, asking), askLookUp(door, url, token, asking)]);
    const { ms, finding } = lookUp;
    return { ...(ms !== undefined && { ms }), findings: [...(finding.status === 'ok' ? health : []), finding] };
  } finally {
    http.close();
  }
}

/** A function URL has the batch route alone, so there is no health to ask for. */
async function askHealth(http: HttpClient, url: URL, asking: Asking): Promise<Finding[]> {
  const path = url.pathname.replace(/\/batch\/?$/, '/health');
  if (isFunctionUrl(url) || path === url.pathname) return [];
  try {
    jsonAnswer('allocator', await http.request({ method: 'GET', path, signal: asking.limit() }));
    return [ok('GET /health answers')];
  } catch (error) {
    return [
      explainFailure(
        error,
        { name: 'GET /health', at: shown(new URL(path, url)), setting: 'ALLOCATOR_URL', credential: 'the route' },
        asking.timeoutMs,
      ),
    ];
  }
}

function signing(http: HttpClient, url: URL, region: string): Pick<HttpClient, 'request'> {
  const credentials = standardCredentials();
  return createSigningClient({ upstream: 'allocator', http, url, region, credentials, clock: Date.now, log: SILENT });
}

async function askLookUp(http: Pick<HttpClient, 'request'>, url: URL, token: string | undefined, asking: Asking) {
  const target = { name: 'The function', at: shown(url), setting: 'ALLOCATOR_URL', credential: 'ALLOCATOR_TOKEN' };
  const budgetMs = Math.min(asking.timeoutMs, MAX_TIMEOUT_MS);
  const item = { op: 'lookup', request: { game_id: `doctor-${crypto.randomUUID()}` }, budget_ms: budgetMs };
  const body = JSON.stringify({ v: 1, items: [item] });
  const path = url.pathname + url.search;
  const headers = { 'content-type': 'application/json' };
  try {
    const { value, ms } = await timed(() =>
      http.request({ method: 'POST', path, body, headers, signal: asking.limit() }),
    );
    const { data, success } = Answer.safeParse(jsonAnswer('allocator', value));
    if (!success) throw new UpstreamError('allocator', 'invalid_body');
    return { ms, finding: judge(data.items[0]) };
  } catch (error) {
    const refusal = error instanceof UpstreamError && error.failure === 'refused' ? error.status : undefined;
    const finding =
      refusal === undefined
        ? explainFailure(error, target, asking.timeoutMs)
        : failed(`${target.name} at ${target.at} does not let us in (${refusal})`, explainRefusal(refusal, url, token));
    return { ms: undefined, finding };
  }
}

function judge({ success, code, message }: z.infer<typeof Answer>['items'][0]): Finding {
  if (success || code === 'not_found') return ok('a look up is let in and answered');
  return failed(
    `a look up failed: ${code ?? 'without a code'}`,
    `The function runs, and its own side is not well${message === undefined ? '' : ` ("${message}")`}: its log names what it could not reach (SSM, Redis).`,
  );
}

function explainRefusal(status: number, url: URL, token: string | undefined): string {
  if (isFunctionUrl(url)) {
    return "A function URL lets only IAM callers in: may these AWS credentials lambda:InvokeFunctionUrl and lambda:InvokeFunction on the batch function, and is this machine's clock right? With a token, use the HTTP API's address.";
  }
  if (status === 401) {
    return token === undefined
      ? "ALLOCATOR_TOKEN is not set: it must be one of the function's API_TOKENS (api-tokens in SSM)."
      : "ALLOCATOR_TOKEN is none of the function's API_TOKENS (api-tokens in SSM): those are the first two, and the function reads them every 5 minutes.";
  }
  return "Something before the function refused (a WAF, an authorizer, a resource policy): is ALLOCATOR_URL the HTTP API's POST /batch?";
}

function isFunctionUrl({ hostname }: URL): boolean {
  return /\.lambda-url\.[\w-]+\.on\.aws$/.test(hostname);
}
