import * as z from 'zod/mini';
import { isInstanceId } from '../domain/ids.ts';

/** Callers make NATS subjects of it. */
export const InstanceId = z.string().check(z.refine(isInstanceId));
