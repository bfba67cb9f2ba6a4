// The list of what is shipped (CycloneDX 1.6): the packages whose code is in a bundle, and no other.

/** @typedef {{ version: string, name?: string, license?: string, integrity?: string }} Locked */
/** @typedef {{ name: string, version: string, license: string }} Project */

/**
 * Makes it from esbuild's metafiles, by bundle, and from package-lock.json's `packages`. The same sources give the same
 * text: it has no time and no serial number. Throws where a bundle has a package that the lock does not know.
 * @param {Readonly<Record<string, import('esbuild').Metafile>>} metafiles
 * @param {Readonly<Record<string, Locked>>} locked
 * @param {Project} project
 */
export function billOfMaterials(metafiles, locked, project) {
  /** @type {Map<string, Set<string>>} The bundles that a package is in, by its path in the lock. */
  const bundles = new Map();
  /** @type {Map<string, Set<string>>} What it imports from others. The empty path is this project. */
  const imports = new Map();
  for (const [bundle, metafile] of Object.entries(metafiles)) {
    const included = Object.values(metafile.outputs).flatMap(({ inputs }) =>
      // Tree shaking leaves files with nothing of them in the bundle.
      Object.entries(inputs).flatMap(([file, { bytesInOutput }]) => (bytesInOutput > 0 ? [file] : [])),
    );
    for (const file of included) {
      const from = packageOf(file);
      if (from !== '') entry(bundles, from).add(bundle);
      for (const { path } of metafile.inputs[file]?.imports ?? []) entry(imports, from).add(packageOf(path));
    }
  }

  const paths = [...bundles.keys()].sort();
  const ids = new Map(paths.map((path) => [path, packageUrl(path, locked)]));
  const root = `pkg:npm/${project.name}@${project.version}`;
  return {
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    version: 1,
    metadata: {
      component: {
        type: 'application',
        'bom-ref': root,
        name: project.name,
        version: project.version,
        licenses: licensesOf(project.license),
      },
    },
    components: paths.map((path) => component(path, locked, [...entry(bundles, path)].sort())),
    dependencies: ['', ...paths].map((path) => ({
      ref: ids.get(path) ?? root,
      dependsOn: [...entry(imports, path)]
        .flatMap((other) => (other !== path && ids.has(other) ? [ids.get(other)] : []))
        .sort(),
    })),
  };
}

/** @param {string} path @param {Readonly<Record<string, Locked>>} locked @param {readonly string[]} bundles */
function component(path, locked, bundles) {
  const { version, license, integrity } = lockedAt(path, locked);
  const name = nameOf(path, locked);
  const [scope, bare] = name.startsWith('@') ? name.split('/') : [undefined, name];
  return {
    type: 'library',
    'bom-ref': packageUrl(path, locked),
    ...(scope !== undefined && { group: scope }),
    name: bare,
    version,
    ...(license !== undefined && { licenses: licensesOf(license) }),
    ...(integrity?.startsWith('sha512-') && {
      hashes: [{ alg: 'SHA-512', content: Buffer.from(integrity.slice('sha512-'.length), 'base64').toString('hex') }],
    }),
    purl: packageUrl(path, locked),
    properties: bundles.map((bundle) => ({ name: 'game-allocator:bundle', value: bundle })),
  };
}

/** A single SPDX identifier, or an expression of several. @param {string} license */
function licensesOf(license) {
  return /^[\w.+-]+$/.test(license) ? [{ license: { id: license } }] : [{ expression: license }];
}

/**
 * `node_modules/a/node_modules/@b/c` of a file in that package; empty for a file of this project or of Node.
 * @param {string} file
 */
function packageOf(file) {
  return /(?:^|\/)((?:node_modules\/(?:@[^/]+\/)?[^/]+\/)+)/.exec(file)?.[1]?.slice(0, -1) ?? '';
}

/** An alias (`"nats": "npm:@nats-io/transport-node@..."`) has its real name in the lock. @param {string} path @param {Readonly<Record<string, Locked>>} locked */
function nameOf(path, locked) {
  return lockedAt(path, locked).name ?? path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length);
}

/** @param {string} path @param {Readonly<Record<string, Locked>>} locked */
function packageUrl(path, locked) {
  return `pkg:npm/${nameOf(path, locked).replace('@', '%40')}@${lockedAt(path, locked).version}`;
}

/** @param {string} path @param {Readonly<Record<string, Locked>>} locked */
function lockedAt(path, locked) {
  const found = locked[path];
  if (found === undefined) throw new Error(`${path} is in a bundle and not in package-lock.json: run \`npm ci\`.`);
  return found;
}

/** @param {Map<string, Set<string>>} map @param {string} key */
function entry(map, key) {
  const found = map.get(key) ?? new Set();
  map.set(key, found);
  return found;
}
