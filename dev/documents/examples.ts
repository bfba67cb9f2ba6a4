/** What was sent and what came back, over both doors: docs/examples.json. */
export interface Examples {
  readonly https: readonly HttpExample[];
  readonly nats: readonly NatsExample[];
  readonly events: readonly EventExample[];
}

export interface HttpExample {
  /** Unique among those of its door. */
  readonly name: string;
  /** As it stands in serverless.yml. */
  readonly route: string;
  readonly parameters: Readonly<Record<string, string>>;
  /** Without the token. */
  readonly headers: Readonly<Record<string, string>>;
  /** Absent: none was sent, or one that is not worth showing. */
  readonly request?: unknown;
  readonly status: number;
  /** Those of the answer that are ours. */
  readonly answerHeaders: Readonly<Record<string, string>>;
  /** JSON, or the text of a page. */
  readonly reply: unknown;
}

export interface NatsExample {
  readonly name: string;
  /** Of the endpoint that was asked; see NatsContract. */
  readonly endpoint: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly request?: unknown;
  readonly replyHeaders: Readonly<Record<string, string>>;
  readonly reply: unknown;
}

/** Something that was published, and that nobody answered. */
export interface EventExample {
  readonly name: string;
  readonly subject: string;
  readonly payload: unknown;
}

export function isFailure(reply: unknown): reply is { readonly success: false; readonly code: string } {
  return typeof reply === 'object' && reply !== null && 'success' in reply && reply.success === false;
}

/**
 * `recorded`, but for those that say the same as they did in `known`: ports, loads and times differ each time, and what
 * has not changed is not to look changed.
 */
export function keepUnchanged(recorded: Examples, known: Examples | undefined): Examples {
  const keep = <T extends { readonly name: string }>(now: readonly T[], before: readonly T[] = []) =>
    now.map((example) => {
      const old = before.find(({ name }) => name === example.name);
      return old !== undefined && shapeOf(old) === shapeOf(example) ? old : example;
    });
  return {
    https: keep(recorded.https, known?.https),
    nats: keep(recorded.nats, known?.nats),
    events: keep(recorded.events, known?.events),
  };
}

/** Keys whose texts are not values but words of ours. */
const WORDS = /^(code|decision|degraded|endpoint|message|name|op|route)$/;

/** The same text for examples that differ in nothing but values: names and types, and the words that are ours. */
function shapeOf(example: object): string {
  // What a success says in words may have figures in it.
  const inWords = 'reply' in example && isFailure(example.reply);
  return JSON.stringify(example, (key, value: unknown) => {
    if (typeof value === 'number') return key === 'status' ? value : 'number';
    if (typeof value === 'string') return WORDS.test(key) && (key !== 'message' || inWords) ? value : 'string';
    return value;
  });
}
