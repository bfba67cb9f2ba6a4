/** As much of esbuild's metafile as is read. */
export interface Metafile {
  readonly outputs: Readonly<
    Record<
      string,
      {
        readonly bytes: number;
        readonly imports: readonly { readonly path: string; readonly kind: string; readonly external?: boolean }[];
        readonly inputs: Readonly<Record<string, { readonly bytesInOutput: number }>>;
      }
    >
  >;
}

export interface BundleBytes {
  /** The entry and the chunks that it imports statically, which a cold start reads. */
  readonly start: number;
  /** The chunks that are loaded lazily. */
  readonly lazy: number;
  /** By package, the largest first; `own` is this project's code. */
  readonly packages: readonly { readonly name: string; readonly start: number; readonly lazy: number }[];
}

/** What a bundle consists of. `entry`: its path in the metafile. */
export function bundleBytes({ outputs }: Metafile, entry: string): BundleBytes {
  const atStart = reachable(outputs, entry, (kind) => kind === 'import-statement');
  const ever = reachable(outputs, entry, () => true);
  const packages = new Map<string, { start: number; lazy: number }>();
  let [start, lazy] = [0, 0];
  for (const path of ever) {
    const isAtStart = atStart.has(path);
    const output = outputs[path];
    if (output === undefined) continue;
    if (isAtStart) start += output.bytes;
    else lazy += output.bytes;
    for (const [input, { bytesInOutput }] of Object.entries(output.inputs)) {
      const name = packageOf(input);
      const sums = packages.get(name) ?? { start: 0, lazy: 0 };
      sums[isAtStart ? 'start' : 'lazy'] += bytesInOutput;
      packages.set(name, sums);
    }
  }
  const sorted = [...packages].map(([name, sums]) => ({ name, ...sums }));
  sorted.sort((a, b) => b.start - a.start || b.lazy - a.lazy);
  return { start, lazy, packages: sorted };
}

function reachable(outputs: Metafile['outputs'], entry: string, follows: (kind: string) => boolean): Set<string> {
  const found = new Set([entry]);
  // A Set goes on to what is added to it on the way.
  for (const path of found) {
    for (const { path: imported, kind, external } of outputs[path]?.imports ?? []) {
      if (external !== true && follows(kind)) found.add(imported);
    }
  }
  return found;
}

/** What comes along with the AWS SDK's client counts as that client. */
const SSM_CLIENT = '@aws-sdk/client-ssm';

function packageOf(input: string): string {
  if (!input.includes('node_modules/')) return /^[\w-]+:/.test(input) ? 'node' : 'own';
  const inside = input.slice(input.lastIndexOf('node_modules/') + 'node_modules/'.length);
  const name = inside.split('/', inside.startsWith('@') ? 2 : 1).join('/');
  return /^@(aws-sdk|aws|smithy)\//.test(name) ? SSM_CLIENT : name;
}
