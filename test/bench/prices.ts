/** What somebody charges for something, US dollars, without free tiers and without discounts for volume. */
export interface Price {
  readonly what: string;
  readonly usd: number;
  readonly per: string;
  readonly source: string;
  /** When it was looked up. */
  readonly date: string;
}

const DATE = '2026-11-24';
const LAMBDA = 'https://aws.amazon.com/lambda/pricing/';

export const PRICES = {
  request: { what: 'Lambda request', usd: 0.2, per: '1 million', source: LAMBDA, date: DATE },
  gbSecond: { what: 'Lambda arm64 duration', usd: 0.000_013_333_4, per: 'GB-second', source: LAMBDA, date: DATE },
  functionUrl: { what: 'Lambda function URL', usd: 0, per: 'request', source: LAMBDA, date: DATE },
  command: {
    what: 'Upstash Redis, pay as you go',
    usd: 0.2,
    per: '100,000 commands',
    source: 'https://upstash.com/pricing/redis',
    date: DATE,
  },
} as const satisfies Readonly<Record<string, Price>>;

/** `memorySize` in serverless.yml. */
export const MEMORY_MB = 1769;
/** Round trip from Lambda to Upstash in the same region, ms: on loopback there is none. Assumed, not measured. */
export const NETWORK_MS = 2;
/** Each invocation is billed up to the next millisecond. */
const ROUNDING_MS = 0.5;

/** For one allocation, on average. */
export interface Use {
  readonly invocations: number;
  /** Of one invocation, as measured on loopback. */
  readonly msPerInvocation: number;
  readonly commands: number;
}

export interface Dollars {
  readonly requests: number;
  readonly duration: number;
  readonly redis: number;
  readonly total: number;
}

/** Of a million allocations. */
export function dollarsPerMillion({ invocations, msPerInvocation, commands }: Use): Dollars {
  const requests = invocations * PRICES.request.usd;
  const billedS = (msPerInvocation + NETWORK_MS + ROUNDING_MS) / 1000;
  const duration = invocations * 1e6 * billedS * (MEMORY_MB / 1024) * PRICES.gbSecond.usd;
  const redis = ((commands * 1e6) / 100_000) * PRICES.command.usd;
  return { requests, duration, redis, total: requests + duration + redis };
}
