import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { readContract } from './documents/contract.ts';
import { keepUnchanged } from './documents/examples.ts';
import { differing, makeDocuments, readExamples, writeDocuments, writeExamples } from './documents/files.ts';
import { recordExamples } from './documents/record.ts';
import { lintOpenApi, parseAsyncApi } from './documents/validate.ts';
import { PROJECT_ROOT } from './find-server.mjs';
import { refuse } from './stack/stack-flags.ts';

const USAGE = `Usage: npm run docs [-- --record | --check]

Makes docs/openapi.json and docs/asyncapi.json from the schemas of requests and replies, the routes of serverless.yml, the
default subjects, and the examples in docs/examples.json.

  --record  first brings up the whole service on this machine, asks for everything, and writes the examples anew
  --check   writes nothing: says what is not as it would be made, or not valid, and exits with 1 if there is anything
  --help    print this and exit`;

const FOLDER = join(PROJECT_ROOT, 'docs');

const { record, check, help } = readFlags();
if (help) console.log(USAGE);
else if (check) process.exitCode = (await findProblems()) ? 1 : 0;
else await write();

async function write(): Promise<void> {
  const contract = await readContract();
  const known = await readExamples(FOLDER);
  if (record) await writeExamples(FOLDER, keepUnchanged(await recordExamples(contract, console.error), known));
  const examples = await readExamples(FOLDER);
  if (examples === undefined) return refuse('There is no docs/examples.json: make it with --record.', USAGE);
  const changed = await writeDocuments(FOLDER, makeDocuments(contract, examples));
  console.log(
    changed.length === 0 ? 'nothing has changed' : `made ${changed.map((name) => `docs/${name}`).join(', ')}`,
  );
}

/** Whether there are any; they are printed. */
async function findProblems(): Promise<boolean> {
  const examples = await readExamples(FOLDER);
  const documents = makeDocuments(await readContract(), examples ?? { https: [], nats: [], events: [] });
  const [outdated, linted, parsed] = await Promise.all([
    differing(FOLDER, documents),
    lintOpenApi(join(FOLDER, 'openapi.json')),
    parseAsyncApi(join(FOLDER, 'asyncapi.json')),
  ]);
  for (const name of outdated) console.error(`docs/${name} is not what the schemas say: run \`npm run docs\`.`);
  for (const problems of [linted, parsed]) if (problems !== '') console.error(problems);
  return outdated.length > 0 || linted !== '' || parsed !== '';
}

function readFlags() {
  const flag = { type: 'boolean', default: false } as const;
  try {
    return parseArgs({ options: { record: flag, check: flag, help: flag } }).values;
  } catch (error) {
    return refuse(error instanceof Error ? error.message : String(error), USAGE);
  }
}
