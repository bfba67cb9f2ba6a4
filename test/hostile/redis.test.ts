import { it } from 'vitest';
import { REDIS_CASES } from './redis-cases.ts';
import { useWholeFunctions } from './whole-function.ts';

const start = useWholeFunctions();

it.each(REDIS_CASES)('$name', ({ run }) => run(start) as Promise<void>);
