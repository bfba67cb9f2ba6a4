/** The lines between which a part of the README is made by a command. */
export interface Markers {
  readonly begin: string;
  readonly end: string;
}

/** `readme` with the section between the markers made anew. Throws where they are not there. */
export function withSection(readme: string, { begin, end }: Markers, section: string): string {
  const from = readme.indexOf(begin);
  const to = readme.indexOf(end);
  if (from === -1 || to < from) throw new Error(`README.md must have ${begin} and, after it, ${end}.`);
  return `${readme.slice(0, from + begin.length)}\n${section}\n${readme.slice(to)}`;
}
