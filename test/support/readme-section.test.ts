import { expect, it } from 'vitest';
import { withSection } from './readme-section.ts';

const MARKERS = { begin: '<!-- begin -->', end: '<!-- end -->' };

it('makes the part between the markers anew, and leaves the rest alone', () => {
  const readme = '# A\n\n<!-- begin -->\nold\n<!-- end -->\n\n## B\n';

  expect(withSection(readme, MARKERS, 'new')).toBe('# A\n\n<!-- begin -->\nnew\n<!-- end -->\n\n## B\n');
  expect(() => withSection('# A', MARKERS, 'new')).toThrow('README.md must have');
});
