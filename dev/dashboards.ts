// Writes deploy/dashboards: `npm run dashboards`. A test fails where they are not what this makes.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DASHBOARDS } from './dashboards/all.ts';
import { toGrafana } from './dashboards/panels.ts';
import { PROJECT_ROOT } from './find-server.mjs';

for (const [name, dashboard] of Object.entries(DASHBOARDS)) {
  const file = join('deploy', 'dashboards', `${name}.json`);
  await writeFile(join(PROJECT_ROOT, file), `${JSON.stringify(toGrafana(dashboard), undefined, 2)}\n`);
  console.log(`wrote ${file}`);
}
