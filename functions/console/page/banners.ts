import { byId, element } from './dom.ts';
import { duration } from './format.ts';
import type { FleetReply, SourceReport } from './types.ts';

export interface Banner {
  readonly level: 'warning' | 'error';
  readonly text: string;
}

let shown = '';

/** In a live region: written only when there are others than before, so that they are said once. */
export function showBanners(banners: readonly Banner[]): void {
  const text = JSON.stringify(banners);
  if (text === shown) return;
  shown = text;
  byId('banners').replaceChildren(
    ...banners.map(({ level, text }) =>
      element('p', `banner ${level}`, element('strong', '', LEVELS[level]), ` ${text}`),
    ),
  );
}

const LEVELS = { warning: 'Degraded.', error: 'Trouble.' } as const;

/** What this answer of the allocator says of its dependencies. */
export function fleetBanners({ sources, degraded = [], instances, failing, service }: FleetReply): readonly Banner[] {
  const banners: Banner[] = [];
  const warn = (text: string) => banners.push({ level: 'warning', text });
  if (sources.redis.state === 'degraded') {
    banners.push({
      level: 'error',
      text: 'Redis does not answer: no game can be assigned, and what is pending is not known.',
    });
  }
  if (sources.consul.state === 'degraded') {
    warn(`Consul does not answer: its last list is used${age(sources.consul)}.`);
  }
  if (sources.prometheus.state === 'degraded') {
    warn(
      `Prometheus does not answer: games are placed by their own counts and the last samples${age(sources.prometheus)}.`,
    );
  }
  const others = degraded.filter((name) => !(name in sources));
  if (others.length > 0) warn(`Decided without: ${others.join(', ')}.`);
  if (instances.length === 0 && failing.length > 0) {
    banners.push({ level: 'error', text: `Every instance of ${service} fails its checks.` });
  }
  return banners;
}

/** In steps that do not make the banner speak again and again. */
function age({ age_ms }: SourceReport): string {
  if (age_ms === undefined || age_ms < 30_000) return '';
  const step = age_ms < 120_000 ? 30 : 60;
  return `, ${duration(Math.floor(age_ms / 1000 / step) * step)} old`;
}
