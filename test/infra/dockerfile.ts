import { readFile } from 'node:fs/promises';

export interface Instruction {
  /** In capitals. */
  readonly name: string;
  /** `--from=build` as from: build. */
  readonly flags: Readonly<Record<string, string>>;
  /** What follows the flags, in one line. */
  readonly rest: string;
}

export interface Stage {
  readonly image: string;
  readonly name: string | undefined;
  readonly platform: string | undefined;
  readonly instructions: readonly Instruction[];
}

/** Reads a Dockerfile without here-documents. */
export async function readDockerfile(file: string): Promise<readonly Stage[]> {
  const text = await readFile(file, 'utf8');
  const lines = text.replaceAll(/^\s*#.*\n/gm, '').replaceAll(/\\\n\s*/g, '');
  const stages: (Stage & { instructions: Instruction[] })[] = [];
  for (const line of lines.split('\n').filter((each) => each.trim() !== '')) {
    const instruction = readInstruction(line);
    if (instruction.name === 'FROM') {
      const [image = '', , name] = instruction.rest.split(/\s+/);
      stages.push({ image, name, platform: instruction.flags['platform'], instructions: [] });
    } else {
      stages.at(-1)?.instructions.push(instruction);
    }
  }
  return stages;
}

function readInstruction(line: string): Instruction {
  const [, name = '', flags = '', rest = ''] = /^\s*(\w+)\s+((?:--\S+\s+)*)(.*)$/.exec(line) ?? [];
  const pairs = [...flags.matchAll(/--([\w-]+)=(\S+)/g)].map(([, key, value]) => [key, value]);
  return { name: name.toUpperCase(), flags: Object.fromEntries(pairs), rest: rest.trim() };
}
