// Preloaded into a process whose heap is watched: on SIGUSR2 it collects garbage and appends a line to HEAP_LOG.
import { appendFileSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc');
const file = process.env['HEAP_LOG'];

process.on('SIGUSR2', () => {
  collect();
  const { heapUsed } = process.memoryUsage();
  if (file !== undefined) appendFileSync(file, `${process.pid} ${Date.now()} ${heapUsed}\n`);
});
