// One exporter for whole fleets: GET /metrics/3,300 has the metrics of the fleets of 3 and of 300 instances. A process
// of its own, so that writing 1 MB every few seconds does not disturb who measures. --port is where it listens.
import { createServer } from 'node:http';
import { parseArgs } from 'node:util';
import { fleetMetrics, fleetOf } from '../fleets.ts';

const { values } = parseArgs({ options: { port: { type: 'string', default: '0' } } });

createServer((request, response) => {
  const sizes = /^\/metrics\/([\d,]+)$/.exec(request.url ?? '')?.[1];
  if (sizes === undefined) {
    response.writeHead(request.url === '/ready' ? 200 : 404).end();
    return;
  }
  response.writeHead(200, { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' });
  response.end(
    fleetMetrics(
      sizes.split(',').map((size) => fleetOf(Number(size))),
      performance.now() / 1000,
    ),
  );
}).listen(Number(values.port), '127.0.0.1');
