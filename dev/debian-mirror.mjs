import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const DEFAULT_MIRROR = 'http://deb.debian.org/debian';

/**
 * The mirror that this machine itself takes `codename` from: a mirror near it, or the only one it can reach.
 * Reads both of apt's formats: deb822 (*.sources) and one line per source (*.list).
 * @param {string} etcApt apt's configuration folder, normally /etc/apt
 * @param {string} codename such as 'bookworm'
 * @returns {string}
 */
export function debianMirror(etcApt, codename) {
  const parts = join(etcApt, 'sources.list.d');
  const names = existsSync(parts)
    ? readdirSync(parts)
        .sort()
        .map((name) => join(parts, name))
    : [];
  for (const file of [join(etcApt, 'sources.list'), ...names].filter((path) => existsSync(path))) {
    const text = () => readFileSync(file, 'utf8').replaceAll(/^\s*#.*\n?/gm, '');
    const sources = file.endsWith('.sources') ? stanzas(text()) : file.endsWith('.list') ? lines(text()) : [];
    const source = sources.find((entry) => entry.suites.includes(codename) && !entry.uri.startsWith('cdrom:'));
    if (source !== undefined) return source.uri.replace(/\/$/, '');
  }
  return DEFAULT_MIRROR;
}

/** @param {string} text */
function stanzas(text) {
  return text.split(/\n\s*\n/).flatMap((stanza) => {
    /** @param {string} name */
    const field = (name) =>
      (new RegExp(`^${name}:((?:.*)(?:\\n[ \\t].*)*)`, 'im').exec(stanza)?.[1] ?? '').split(/\s+/).filter(Boolean);
    const uri = field('URIs')[0];
    if (uri === undefined || !field('Types').includes('deb') || field('Enabled')[0]?.toLowerCase() === 'no') return [];
    return [{ uri, suites: field('Suites') }];
  });
}

/** @param {string} text */
function lines(text) {
  return text.split('\n').flatMap((line) => {
    const match = /^\s*deb\s+(?:\[[^\]]*\]\s+)?(\S+)\s+(\S+)/.exec(line);
    return match?.[1] === undefined || match[2] === undefined ? [] : [{ uri: match[1], suites: [match[2]] }];
  });
}
