import { type Stack, type StackOptions, startStack } from '../../dev/stack.ts';
import { type HttpFaultProxy, startHttpFaultProxy } from '../support/http-fault-proxy.ts';

/** What the functions ask, and the variable that says where it is. */
const UPSTREAMS = {
  upstash: 'UPSTASH_REDIS_REST_URL',
  consul: 'CONSUL_URL',
  prometheus: 'PROMETHEUS_URL',
} as const;
type Upstream = keyof typeof UPSTREAMS;

export interface ProxiedStack {
  readonly stack: Stack;
  /** Between the functions and each of their upstreams. */
  readonly proxies: Readonly<Record<Upstream, HttpFaultProxy>>;
  readonly stop: () => Promise<void>;
}

/** A whole stack whose functions reach their upstreams through proxies that can be told to misbehave. */
export async function startProxiedStack(options: StackOptions = {}): Promise<ProxiedStack> {
  const [upstash, consul, prometheus] = await Promise.all([
    startHttpFaultProxy(),
    startHttpFaultProxy(),
    startHttpFaultProxy(),
  ]);
  const proxies = { upstash, consul, prometheus };
  const close = () => Promise.all(Object.values(proxies).map((proxy) => proxy.close()));
  const env = Object.fromEntries(
    Object.entries(UPSTREAMS).map(([name, variable]) => [variable, proxies[name as Upstream].url]),
  );
  try {
    const stack = await startStack({
      ...options,
      functionEnv: { ...env, ...options.functionEnv },
      onProgress(line) {
        // An upstream's address is known when it runs, and asked for before the stack is whole.
        const [, name = '', url = ''] = /^(\w+) runs at (\S+)$/.exec(line) ?? [];
        if (name in proxies) proxies[name as Upstream].setTarget(url);
      },
    });
    return {
      stack,
      proxies,
      stop: async () => {
        await stack.stop();
        await close();
      },
    };
  } catch (error) {
    await close();
    throw error;
  }
}
