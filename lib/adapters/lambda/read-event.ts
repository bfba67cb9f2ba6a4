import * as z from 'zod/mini';

/** An invocation as the doors see it, whichever way it came. */
export interface Invocation {
  /** HTTP (HTTP API or function URL, payload format 2.0), or a plain Lambda invoke whose event is the request itself. */
  readonly via: 'http' | 'invoke';
  /** AWS checked the caller's IAM rights before it came to this. */
  readonly iam: boolean;
  /** The header's value; names in lower case. Over HTTP only. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** `GET /games/{game_id}`: the route of an HTTP API that it came by. Of no use where it came otherwise. */
  readonly routeKey: string;
  /** What stands in the path for the route's parameters, decoded. */
  readonly parameters: Readonly<Record<string, string | undefined>>;
  readonly body: Uint8Array;
  /** When AWS received it, ms since 1970; undefined where that is not told. */
  readonly receivedAtMs: number | undefined;
}

/** As much of an HTTP event as is needed. What AWS fills in is there; a hand-made event may lack any of it. */
const HttpEvent = z.object({
  version: z.literal('2.0'),
  routeKey: z._default(z.string(), ''),
  // Null where the route has none: serverless-offline sends it so.
  pathParameters: z.nullish(z.record(z.string(), z.optional(z.string()))),
  headers: z._default(z.record(z.string(), z.optional(z.string())), {}),
  body: z.optional(z.string()),
  isBase64Encoded: z._default(z.boolean(), false),
  requestContext: z.object({
    http: z.object({ method: z.string() }),
    timeEpoch: z.optional(z.number()),
    authorizer: z.optional(z.object({ iam: z.optional(z.unknown()) })),
  }),
});

/** Reads a Lambda event. Never throws: what has no request context is taken as the request of a plain invoke. */
export function readEvent(event: unknown): Invocation {
  const parsed = HttpEvent.safeParse(event);
  if (!parsed.success) {
    const rest = { headers: {}, routeKey: '', parameters: {}, receivedAtMs: undefined };
    // HTTP of another format must not come in by the door that asks for no token.
    if (hasRequestContext(event)) return { ...rest, via: 'http', iam: false, body: Buffer.alloc(0) };
    return { ...rest, via: 'invoke', iam: true, body: toBody(event) };
  }
  const { headers, routeKey, pathParameters, body = '', isBase64Encoded, requestContext } = parsed.data;
  return {
    via: 'http',
    iam: requestContext.authorizer?.iam != null,
    headers,
    routeKey,
    parameters: pathParameters ?? {},
    body: Buffer.from(body, isBase64Encoded ? 'base64' : 'utf8'),
    receivedAtMs: requestContext.timeEpoch,
  };
}

function hasRequestContext(event: unknown): boolean {
  return typeof event === 'object' && event !== null && 'requestContext' in event;
}

/** The event as text again, so that its size is checked like any other body's. */
function toBody(event: unknown): Buffer {
  try {
    return Buffer.from(JSON.stringify(event ?? null));
  } catch {
    return Buffer.alloc(0); // nested too deeply to be written: no request of ours
  }
}
