// The floor: the least that an allocation could be. One script that does nothing, then an answer for each item.
// getBuiltinModule, as in the real bundles: an ESM import of node:http loads Node's bundled undici.
const http = process.getBuiltinModule('node:http');
const { createHash } = process.getBuiltinModule('node:crypto');

const SCRIPT = 'return 1';
const SHA = createHash('sha1').update(SCRIPT).digest('hex');
const { UPSTASH_REDIS_REST_URL: url = '', UPSTASH_REDIS_REST_TOKEN: token = '' } = process.env;
const agent = new http.Agent({ keepAlive: true });
let loaded = false;

/** @param {{ body: string }} event */
export const handler = async (event) => {
  const { items } = JSON.parse(event.body);
  await run(loaded ? ['EVALSHA', SHA, '0'] : ['EVAL', SCRIPT, '0']);
  loaded = true;
  const replies = items.map(() => ({ success: true, instance_id: '10.0.0.1', port: 5002 }));
  return {
    statusCode: 200,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ v: 1, items: replies }),
  };
};

/** @param {string[]} command @returns {Promise<string>} */
function run(command) {
  const body = JSON.stringify(command);
  return new Promise((resolve, reject) => {
    const headers = {
      authorization: `Bearer ${token}`,
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(body),
    };
    const call = http.request(`${url}/`, { method: 'POST', agent, headers }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk) => {
        text += chunk;
      });
      response.on('end', () => (response.statusCode === 200 ? resolve(text) : reject(new Error(text))));
    });
    call.on('error', reject);
    call.end(body);
  });
}
