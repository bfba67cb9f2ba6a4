import { parseArgs } from 'node:util';
import { startFleet } from './fleet.ts';
import { createFleetDoor } from './fleet-door.ts';
import { closeServer, listenAll } from './listen-all.ts';

// The fleet as a process of its own, so that hundreds of instances do not slow down what is measured beside them.
// It prints one JSON line, {"ready":true,"instances":5,"url":"http://127.0.0.1:<port>"}, once all pass in Consul;
// <url>/fleet tells of the instances and changes them (see fleet-door.ts). Stops on SIGTERM and SIGINT.

const USAGE = `Usage: node dev/fleet/main.ts --consul-url URL --targets-file FILE [--redis-url URL] [--instances 5]
  [--mixed] [--max-games N] [--check-interval-ms MS]`;

const { values } = parseArgs({
  options: {
    'consul-url': { type: 'string' },
    'targets-file': { type: 'string' },
    'redis-url': { type: 'string' },
    instances: { type: 'string', default: '5' },
    mixed: { type: 'boolean', default: false },
    'max-games': { type: 'string' },
    'check-interval-ms': { type: 'string' },
  },
});
const consulUrl = values['consul-url'];
const targetsFile = values['targets-file'];
const instances = Number(values.instances);
const maxGames = values['max-games'];
const checkIntervalMs = values['check-interval-ms'];
if (consulUrl === undefined || targetsFile === undefined || !(Number.isInteger(instances) && instances > 0)) {
  console.error(USAGE);
  process.exit(2);
}

const fleet = await startFleet({
  consulUrl,
  targetsFile,
  instances,
  mixed: values.mixed,
  ...(values['redis-url'] === undefined ? {} : { redisUrl: values['redis-url'] }),
  ...(maxGames === undefined ? {} : { maxGames: Number(maxGames) }),
  ...(checkIntervalMs === undefined ? {} : { consulCheckIntervalMs: Number(checkIntervalMs) }),
});
const door = createFleetDoor(fleet);
const port = await listenAll([{ address: '127.0.0.1', server: door }]);
console.log(JSON.stringify({ ready: true, instances, url: `http://127.0.0.1:${port}` }));

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  process.on(signal, () => {
    void Promise.all([fleet.stop(), closeServer(door)]).then(() => process.exit(0));
  });
}
