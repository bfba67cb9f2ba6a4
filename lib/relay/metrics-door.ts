import type { ServerResponse } from 'node:http';
import type { HttpDoor } from './health-server.ts';
import { sendJson } from './send-json.ts';

export interface MetricsPage {
  readonly contentType: string;
  text(): Promise<string>;
}

/** Answers `/metrics`: figures for Prometheus, and nothing secret. */
export function createMetricsDoor(page: MetricsPage): HttpDoor {
  return (request, response) => {
    if (request.url?.split('?', 1)[0] !== '/metrics') return false;
    if (request.method === 'GET' || request.method === 'HEAD') void sendPage(response, page);
    else sendJson(response, 405, { message: 'Only GET is answered here.' }, { allow: 'GET, HEAD' });
    return true;
  };
}

async function sendPage(response: ServerResponse, page: MetricsPage): Promise<void> {
  try {
    const text = await page.text();
    response.writeHead(200, { 'content-type': page.contentType, 'cache-control': 'no-store' }).end(text);
  } catch {
    sendJson(response, 500, { message: 'The page could not be made.' });
  }
}
