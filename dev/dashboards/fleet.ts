import * as z from 'zod/mini';
import { AllocatorVariables, toAllocatorConfig } from '../../lib/config/allocator-config.ts';
import { readEnv } from '../../lib/config/env.ts';
import type { Dashboard } from './panels.ts';

const PER = '[$__rate_interval]';

/** What the allocator itself asks by default. $service and $label are chosen at the top of the page. */
const { prometheus } = toAllocatorConfig(readEnv(z.object(AllocatorVariables), {}));
if (prometheus === undefined) throw new Error('without settings there is a Prometheus');
const CPU = prometheus.templates.cpu.replaceAll('[$window]', PER);
const MEMORY = prometheus.templates.memory;

const assigned = (by: string, more = '') =>
  `sum by (${by}) (rate(game_relay_requests_total{op="assign"${more}}${PER}))`;

/** How the game servers are loaded, as the allocator sees it, and how evenly. */
export const FLEET_DASHBOARD: Dashboard = {
  uid: 'game-allocator-fleet',
  title: 'Game allocator: game servers',
  description: 'Load of the game servers as the allocator measures it. Made by `npm run dashboards`.',
  variables: [
    {
      name: 'service',
      label: 'Service',
      values: { query: 'label_values(container_memory_usage_bytes, container_label_com_docker_compose_service)' },
    },
    { name: 'label', label: 'PROMETHEUS_INSTANCE_LABEL', values: { constant: 'instance' } },
  ],
  rows: [
    {
      title: 'Now',
      panels: [
        {
          title: 'Servers measured',
          description: 'Servers of which Prometheus has the CPU.',
          ...{ kind: 'number', width: 6, unit: 'short' },
          queries: { servers: `count(${CPU})` },
        },
        {
          title: 'CPU in use',
          description: 'Of all servers together.',
          ...{ kind: 'number', width: 6, unit: 'suffix:cores' },
          queries: { cpu: `sum(${CPU})` },
        },
        {
          title: 'RAM in use',
          description: 'Of all servers together.',
          ...{ kind: 'number', width: 6, unit: 'bytes' },
          queries: { ram: `sum(${MEMORY})` },
        },
        {
          title: 'Games assigned',
          description: 'Assignments answered each second, those of a game that had been assigned before included.',
          ...{ kind: 'number', width: 6, unit: 'suffix:/s' },
          queries: { assigned: `sum(rate(game_relay_requests_total{op="assign", outcome="success"}${PER}))` },
        },
      ],
    },
    {
      title: 'Each server',
      panels: [
        {
          title: 'CPU',
          description: 'Cores in use on each server.',
          ...{ kind: 'lines', width: 12, unit: 'suffix:cores' },
          queries: { __auto: CPU },
        },
        {
          title: 'RAM',
          description: 'Bytes in use on each server.',
          ...{ kind: 'lines', width: 12, unit: 'bytes' },
          queries: { __auto: MEMORY },
        },
      ],
    },
    {
      title: 'How evenly',
      panels: [
        {
          title: 'Spread of CPU',
          description: 'The most loaded server by the mean of all. 1 is perfectly even, on servers of one size.',
          ...{ kind: 'lines', width: 12, unit: 'short' },
          queries: { 'max / mean': `max(${CPU}) / avg(${CPU})` },
        },
        {
          title: 'Spread of RAM',
          description: 'The same of RAM.',
          ...{ kind: 'lines', width: 12, unit: 'short' },
          queries: { 'max / mean': `max(${MEMORY}) / avg(${MEMORY})` },
        },
      ],
    },
    {
      title: 'Games',
      panels: [
        {
          title: 'Assignments by outcome',
          description: 'As the relays answered them. no_capacity: every server is full. no_instance: none is healthy.',
          ...{ kind: 'stacked', width: 12, unit: 'reqps' },
          queries: { '{{outcome}}': `${assigned('outcome')} > 0` },
        },
        {
          title: 'Games that ended',
          description:
            'Releases answered each second, beside assignments. Servers fill up where there are fewer of them for long.',
          ...{ kind: 'lines', width: 12, unit: 'reqps' },
          queries: {
            assigned: `sum(rate(game_relay_requests_total{op="assign", outcome="success"}${PER}))`,
            released: `sum(rate(game_relay_requests_total{op="release", outcome="success"}${PER}))`,
          },
        },
      ],
    },
  ],
};
