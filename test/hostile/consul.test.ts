import { it } from 'vitest';
import { CONSUL_CASES } from './consul-cases.ts';
import { useWholeFunctions } from './whole-function.ts';

const start = useWholeFunctions();

it.each(CONSUL_CASES)('$name', ({ run }) => run(start) as Promise<void>);
