import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { parseArgs } from 'node:util';
import { PROJECT_ROOT } from './find-server.mjs';
import { architecturePicture } from './pictures/architecture.ts';
import { takeConsolePictures } from './pictures/console.ts';
import { refuse } from './stack/stack-flags.ts';

const USAGE = `Usage: npm run pictures [-- --only NAME]

Makes the README's pictures anew in docs/: the console (a real browser on a real stack with games flowing for three
minutes), the herding comparison (the simulation), and the architecture.

  --only NAME   console, herding or architecture; may be repeated
  --help        print this and exit`;

const DOCS = join(PROJECT_ROOT, 'docs');

const PICTURES: Readonly<Record<string, () => void | Promise<void>>> = {
  architecture: () => writeFileSync(join(DOCS, 'architecture.svg'), architecturePicture()),
  herding: drawHerding,
  console: () => takeConsolePictures(DOCS, (line) => console.error(`  ${line}`)),
};

for (const name of readNames()) {
  await PICTURES[name]?.();
  console.log(`${name}: done, in ${relative(process.cwd(), DOCS) || '.'}`);
}

function readNames(): readonly string[] {
  const names = Object.keys(PICTURES);
  try {
    const options = { only: { type: 'string', multiple: true }, help: { type: 'boolean' } } as const;
    const { only = names, help } = parseArgs({ options }).values;
    if (help) {
      console.log(USAGE);
      process.exit(0);
    }
    const unknown = only.find((name) => !names.includes(name));
    return unknown === undefined ? only : refuse(`--only knows no ${unknown}.`, USAGE);
  } catch (error) {
    return refuse(error instanceof Error ? error.message : String(error), USAGE);
  }
}

/** The simulation draws it itself. */
function drawHerding(): void {
  const args = ['test/sim/main.ts', '--picture', join(DOCS, 'herding.svg')];
  const { status } = spawnSync(process.execPath, args, { cwd: PROJECT_ROOT, stdio: 'inherit' });
  if (status !== 0) throw new Error('The simulation did not draw its picture.');
}
