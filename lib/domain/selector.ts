import type { Instance } from './fleet.ts';

/** Characters of a tag, a key or a value that can be selected by: longer ones are left out of the list. */
export const SELECTABLE_LENGTH = 128;
/** Tags, and keys of its Meta, that are kept of one instance. */
export const SELECTABLE_MOST = 64;

/**
 * What an instance must be, key by key, all of it: with a text, its Meta has that under the key, or it has the tag
 * `key=text`; with true, it has the tag `key`, or its Meta has "true" there. In the keys' order, so that equal ones are
 * equal text.
 */
export type Selector = readonly (readonly [key: string, value: string | true])[];

/** `wanted` as a selector, from its own keys alone; undefined where it wants nothing. */
export function toSelector(wanted: Readonly<Record<string, string | true>> | undefined): Selector | undefined {
  const entries = Object.entries(wanted ?? {});
  return entries.length === 0 ? undefined : entries.sort(([a], [b]) => (a < b ? -1 : 1));
}

/** Whether an instance is what `selector` says. */
export function matcherOf(selector: Selector): (instance: Pick<Instance, 'tags' | 'meta'>) => boolean {
  const terms = selector.map(([key, value]) =>
    value === true ? { key, text: 'true', tag: key } : { key, text: value, tag: `${key}=${value}` },
  );
  return ({ tags, meta }) =>
    terms.every(({ key, text, tag }) => (Object.hasOwn(meta, key) && meta[key] === text) || tags.includes(tag));
}

export function isSelectable(text: unknown): text is string {
  return typeof text === 'string' && hasAtMost(text, SELECTABLE_LENGTH);
}

/** Whether `text` has at most `most` characters, however many units each takes. */
export function hasAtMost(text: string, most: number): boolean {
  return text.length <= most || (text.length <= 2 * most && [...text].length <= most);
}
