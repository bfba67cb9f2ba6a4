import { it } from 'vitest';
import { PROMETHEUS_CASES } from './prometheus-cases.ts';
import { useWholeFunctions } from './whole-function.ts';

const start = useWholeFunctions();

it.each(PROMETHEUS_CASES)('$name', ({ run }) => run(start) as Promise<void>);
