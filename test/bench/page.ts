// Makes the README's section "How fast, how much" and its picture, docs/speed.svg, from test/bench/results.json.
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PROJECT_ROOT } from '../../dev/find-server.mjs';
import { withSection } from '../support/readme-section.ts';
import { speedPicture } from './page-picture.ts';
import { MARKERS, type Results, sectionOf } from './page-text.ts';

const [resultsFile = join(PROJECT_ROOT, 'test', 'bench', 'results.json')] = process.argv.slice(2);
const results: Results = JSON.parse(await readFile(resultsFile, 'utf8'));
const readmeFile = join(PROJECT_ROOT, 'README.md');
const readme = withSection(await readFile(readmeFile, 'utf8'), MARKERS, sectionOf(results));
await writeFile(readmeFile, readme);
await mkdir(join(PROJECT_ROOT, 'docs'), { recursive: true });
await writeFile(join(PROJECT_ROOT, 'docs', 'speed.svg'), speedPicture(results.figures));
