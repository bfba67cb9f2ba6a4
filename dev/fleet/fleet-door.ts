import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import type { Fleet, InstanceChange } from './fleet-types.ts';

const INSTANCE_PATH = /^\/fleet\/([^/]+)$/;

/**
 * How other processes reach the fleet. GET /fleet: each instance with its capacity, its true `load` and its number of
 * games. PATCH /fleet/<id or address> with an `InstanceChange` as JSON: 204 when it is made.
 */
export function createFleetDoor(fleet: Fleet): Server {
  return createServer((request, response) => {
    answer(fleet, request, response).catch((error: unknown) => {
      response.writeHead(400).end(error instanceof Error ? error.message : String(error));
    });
  });
}

async function answer(fleet: Fleet, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const id = INSTANCE_PATH.exec(request.url ?? '')?.[1];
  if (request.method === 'GET' && request.url === '/fleet') {
    const instances = fleet.instances.map((instance) => ({ ...instance, load: fleet.load(instance.id) }));
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ instances }));
  } else if (request.method === 'PATCH' && id !== undefined) {
    await change(fleet, decodeURIComponent(id), JSON.parse(await text(request)));
    response.writeHead(204).end();
  } else {
    response.writeHead(404).end();
  }
}

/** Being there first, and going last: nothing else can be changed of an instance that is out. */
async function change(fleet: Fleet, id: string, wanted: InstanceChange): Promise<void> {
  const { load, health, maintenance, draining, present } = wanted;
  if (present === true) await fleet.restore(id);
  if (load !== undefined) fleet.setLoad(id, load === 'games' ? undefined : load);
  if (health !== undefined) fleet.setHealth(id, health);
  if (maintenance !== undefined) await fleet.setMaintenance(id, maintenance);
  if (draining !== undefined) await fleet.setDraining(id, draining);
  if (present === false) await fleet.remove(id);
}
