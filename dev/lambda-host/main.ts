// The local Lambda host as a process of its own: options as JSON in LAMBDA_HOST_OPTIONS (LambdaHostOptions), as they
// hold tokens, which a command line would show to everybody. --port and --function-url-port win over it. Prints its
// addresses as one JSON line when ready.
import { parseArgs } from 'node:util';
import { startLambdaHost } from './start-lambda-host.ts';

const { values } = parseArgs({ options: { port: { type: 'string' }, 'function-url-port': { type: 'string' } } });
const options = JSON.parse(process.env['LAMBDA_HOST_OPTIONS'] ?? '{}');
const host = await startLambdaHost({
  ...options,
  port: Number(values.port ?? options.port ?? 0),
  functionUrlPort: Number(values['function-url-port'] ?? options.functionUrlPort ?? 0),
});
console.log(JSON.stringify({ url: host.url, functionUrl: host.functionUrl }));

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => void host.stop().then(() => process.exit(0)));
}
