import { parameterName } from '../lib/app/secrets.ts';
import type { SecretName } from '../lib/config/allocator-config.ts';
import { askPerson } from './ssm/ask-person.ts';
import { readSsmPutOptions } from './ssm/options.ts';
import { openParameterStore, ParameterStoreError } from './ssm/parameter-store.ts';
import { problemOf, readEnvFile, withNewToken } from './ssm/values.ts';

const options = readSsmPutOptions(process.argv.slice(2));
const path = `/game-allocator/${options.stage}`;
const fullName = (name: SecretName) => `${path}/${parameterName(name)}`;
const person = askPerson(process.stdin, process.stderr, () => process.exit(130));

try {
  process.exitCode = await put();
} catch (error) {
  // Whatever else goes wrong may have a value in its text.
  console.error(error instanceof ParameterStoreError ? error.message : 'Something went wrong; not all may be written.');
  process.exitCode = 1;
} finally {
  person.close();
}

/** The exit code. */
async function put(): Promise<number> {
  const values = readFile();
  if (values === undefined) return 1;
  const wanted = new Set([...values.keys(), ...options.names, ...(options.generate ? (['API_TOKENS'] as const) : [])]);
  if (wanted.size === 0) return say(`There is none of our secrets in ${options.file}: nothing is written.`);

  const store = openParameterStore();
  const there = await store.read([...wanted].map(fullName), options.generate);
  const isThere = (name: SecretName) => there.has(fullName(name));
  for (const name of options.names) {
    const note = isThere(name) ? ', which is there already' : '';
    const value = (await person.askHidden(`${fullName(name)}${note} (empty: leave it): `))?.trim();
    if (value) values.set(name, value);
  }
  if (options.generate) values.set('API_TOKENS', withNewToken(there.get(fullName('API_TOKENS'))));

  if (values.size === 0) return say('No value was given: nothing is written.');
  for (const [name, value] of values) {
    const problem = problemOf(name, value);
    if (problem !== undefined) return say(`${parameterName(name)} ${problem}: nothing is written.`);
  }
  const names = [...values.keys()];
  if (options.dryRun) {
    for (const name of names) console.log(`would ${isThere(name) ? 'overwrite' : 'write'} ${fullName(name)}`);
    return 0;
  }
  const overwritten = names.filter(isThere).map(fullName);
  if (overwritten.length > 0 && !options.yes) {
    const sure = await person.confirm(`Overwrite ${overwritten.join(', ')}? [y/N] `);
    if (!sure) return say('Nothing is written.');
  }
  for (const [name, value] of values) {
    const version = await store.write(fullName(name), value, isThere(name));
    console.log(`wrote ${fullName(name)}, version ${version}`);
  }
  if (options.generate) console.log(howToRead(fullName('API_TOKENS'), isThere('API_TOKENS')));
  return 0;
}

/** Undefined where the file cannot be read. */
function readFile(): Map<SecretName, string> | undefined {
  if (options.file === undefined) return new Map();
  try {
    const { values, others } = readEnvFile(options.file);
    if (options.generate) values.delete('API_TOKENS');
    if (others.length > 0) console.error(`left out, being none of our secrets: ${others.join(', ')}`);
    return values;
  } catch {
    console.error(`${options.file} cannot be read.`);
    return undefined;
  }
}

function howToRead(name: string, rotated: boolean): string {
  const note = rotated ? 'The first of the two is the new one; the other stays valid until the next --generate.\n' : '';
  return `
To read it back, for those who call over HTTPS and for the relay's ALLOCATOR_TOKEN:
  aws ssm get-parameter --with-decryption --name ${name} --query Parameter.Value --output text
${note}Functions that run already know it within 5 minutes.`;
}

function say(text: string): number {
  console.error(text);
  return 1;
}
