import { createHttpClient } from '../../../lib/adapters/http/http-client.ts';
import { type Asking, timed } from '../ask.ts';
import { explainFailure, shown } from '../explain-failure.ts';
import { type Checked, failed, ok, skipped } from '../report.ts';

const MAX_ANSWER_BYTES = 64 * 1024;
/** Who is ready, and why not, is one word of the relay's. */
const WORD = /^[\w.-]{1,64}$/;

/** Whether the relay calls itself ready. */
export async function checkRelay(url: URL | undefined, asking: Asking): Promise<Checked> {
  if (url === undefined) return skipped('where it answers is not known: --relay URL');
  const target = {
    name: 'The relay',
    at: shown(url),
    setting: 'the address (--relay; PORT there)',
    credential: 'the address',
  };
  const http = createHttpClient({ upstream: 'allocator', baseUrl: url, maxResponseBytes: MAX_ANSWER_BYTES });
  try {
    const { value, ms } = await timed(() => http.request({ method: 'GET', path: '/readyz', signal: asking.limit() }));
    const ready = parse(value.body);
    const version = parse((await http.request({ method: 'GET', path: '/health', signal: asking.limit() })).body)[
      'version'
    ];
    const reason = ready['reason'];
    const findings = [
      value.status === 200
        ? ok('ready')
        : failed(
            `not ready (${typeof reason === 'string' && WORD.test(reason) ? reason : value.status})`,
            'It takes no requests now: its log tells since when and why.',
          ),
    ];
    return { ms, ...(typeof version === 'string' && WORD.test(version) && { version }), findings };
  } catch (error) {
    return { findings: [explainFailure(error, target, asking.timeoutMs)] };
  } finally {
    http.close();
  }
}

function parse(body: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(body);
    return typeof value === 'object' && value !== null ? { ...value } : {};
  } catch {
    return {};
  }
}
