/** Who talks to whom, as an SVG that follows the reader's light or dark scheme. Its text is text. */

interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  readonly title: string;
  readonly lines: readonly string[];
  readonly style?: 'own' | 'group';
}

interface Arrow {
  /** An SVG path; the head is at its end. */
  readonly points: string;
  readonly style?: 'now' | 'hot' | 'seldom';
  readonly label?: string;
  /** Where the label is. */
  readonly x?: number;
  readonly y?: number;
  readonly anchor?: 'start' | 'middle';
}

const WIDTH = 1000;
const HEIGHT = 470;

const BOXES: readonly Box[] = [
  { x: 242, y: 40, width: 172, height: 214, title: 'Always on', lines: [], style: 'group' },
  { x: 486, y: 40, width: 212, height: 366, title: 'AWS Lambda', lines: [], style: 'group' },
  { x: 20, y: 76, width: 150, height: 78, title: 'Game backend', lines: ['half a second', 'of patience'] },
  { x: 20, y: 330, width: 150, height: 60, title: 'Operator', lines: ['browser, terminal'] },
  {
    x: 258,
    y: 76,
    width: 140,
    height: 78,
    title: 'Relay',
    lines: ['one reply to each', 'message, in time'],
    style: 'own',
  },
  { x: 258, y: 186, width: 140, height: 52, title: 'Console', lines: ['on the relay’s port'], style: 'own' },
  { x: 502, y: 76, width: 180, height: 78, title: 'batch', lines: ['many requests', 'in one call'], style: 'own' },
  {
    x: 502,
    y: 222,
    width: 180,
    height: 78,
    title: 'assign, games, services',
    lines: ['one request each'],
    style: 'own',
  },
  { x: 502, y: 330, width: 180, height: 60, title: 'fleet, console, health', lines: ['for people'], style: 'own' },
  { x: 832, y: 76, width: 146, height: 78, title: 'Upstash Redis', lines: ['one Lua script for', 'each assignment'] },
  { x: 832, y: 196, width: 146, height: 56, title: 'Consul', lines: ['who is healthy'] },
  { x: 832, y: 278, width: 146, height: 56, title: 'Prometheus', lines: ['how loaded'] },
  { x: 832, y: 376, width: 146, height: 56, title: 'Game servers', lines: ['run the games'] },
];

const ARROWS: readonly Arrow[] = [
  { points: 'M170 115H256', label: 'NATS', x: 206, y: 107 },
  { points: 'M398 115H500', label: 'POST /batch', x: 442, y: 107 },
  { points: 'M95 154V276H500', label: 'or HTTPS: POST /assign', x: 246, y: 293, anchor: 'start' },
  { points: 'M170 347H214V212H256' },
  { points: 'M170 372H500', label: 'HTTPS: the same page', x: 246, y: 364, anchor: 'start' },
  { points: 'M698 122H828', style: 'hot', label: 'replay, decide, record', x: 764, y: 111 },
  { points: 'M698 224H830', style: 'seldom', label: 'every 2 s', x: 764, y: 216 },
  { points: 'M698 306H830', style: 'seldom', label: 'every 2 s', x: 764, y: 298 },
  { points: 'M905 334V374', style: 'seldom', label: 'scrapes', x: 913, y: 358, anchor: 'start' },
  { points: 'M978 224H990V404H980', style: 'seldom' },
];

/** The whole picture. */
export function architecturePicture(): string {
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-labelledby="t d">
<title id="t">Who talks to whom</title>
<desc id="d">A game backend asks the relay over NATS, which forwards many requests in one call to a function; or it asks a function over HTTPS. A function decides and records in one Lua script in Redis, and every two seconds asks Consul who is healthy and Prometheus how loaded they are. The relay and a function serve the console.</desc>
<style>
${STYLE}
</style>
<defs>${['now', 'hot', 'seldom'].map(arrowHead).join('')}</defs>
${BOXES.map(boxOf).join('\n')}
${ARROWS.map(arrowOf).join('\n')}
<text class="note" x="20" y="456">Without AWS the relay is the whole allocator: it decides in its own process.</text>
</svg>
`;
}

const STYLE = `text { font: 13px system-ui, sans-serif; fill: #1f2328 }
.title { font-weight: 600; font-size: 14px } .line, .note, .label { fill: #59636e; font-size: 12px }
.box { fill: #fff; stroke: #8c959f } .own { fill: #e3f1f5; stroke: #0b6e8a } .group { fill: none; stroke: #8c959f; stroke-dasharray: 2 4 }
.arrow { fill: none; stroke: #59636e; stroke-width: 1.4 } .hot { stroke: #0b6e8a; stroke-width: 2.6 } .seldom { stroke-dasharray: 5 4 }
.head { fill: #59636e } .head-hot { fill: #0b6e8a }
@media (prefers-color-scheme: dark) {
text { fill: #f0f6fc } .line, .note, .label { fill: #9198a1 }
.box { fill: #161b22; stroke: #656c76 } .own { fill: #12303a; stroke: #58bdd8 } .group { fill: none; stroke: #656c76 }
.arrow { stroke: #9198a1 } .hot { stroke: #58bdd8 } .head { fill: #9198a1 } .head-hot { fill: #58bdd8 }
}`;

function boxOf({ x, y, width, height, title, lines, style }: Box): string {
  const group = style === 'group';
  const middle = x + width / 2;
  const top = group ? y + 22 : y + height / 2 - lines.length * 8 + 5;
  const rows = lines.map((line, index) => textAt('line', middle, top + 17 * (index + 1), line));
  return [
    `<rect class="box ${style ?? ''}" x="${x}" y="${y}" width="${width}" height="${height}" rx="8"/>`,
    textAt(group ? 'line' : 'title', middle, top, title),
    ...rows,
  ].join('');
}

function arrowOf({ points, style = 'now', label, x = 0, y = 0, anchor = 'middle' }: Arrow): string {
  const line = `<path class="arrow ${style}" marker-end="url(#head-${style})" d="${points}"/>`;
  return label === undefined ? line : line + textAt('label', x, y, label, anchor);
}

function arrowHead(style: string): string {
  const size = style === 'hot' ? 4.5 : 7;
  return `<marker id="head-${style}" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="${size}" markerHeight="${size}" orient="auto"><path class="head head-${style}" d="M0 0L8 4L0 8z"/></marker>`;
}

function textAt(style: string, x: number, y: number, text: string, anchor = 'middle'): string {
  return `<text class="${style}" x="${x}" y="${y}" text-anchor="${anchor}">${text}</text>`;
}
