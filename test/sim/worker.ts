import type { Message } from './pool.ts';
import { createTaskRunner, type Task } from './run-task.ts';

/** A worker process of the pool: gets tasks, one at a time, and sends back what they come to. Ends with its parent. */
const runner = createTaskRunner();

process.on('message', async (task: Task) => {
  try {
    answer({ outcome: await runner.run(task) });
  } catch (error) {
    answer({ error: error instanceof Error ? (error.stack ?? error.message) : String(error) });
  }
});
process.on('disconnect', async () => {
  await runner.stop();
  process.exit();
});
// A Ctrl-C reaches the whole group; the parent then lets go of us.
process.on('SIGINT', () => undefined);

/** Nobody is left to hear it once the parent is gone. */
function answer(message: Message): void {
  if (process.connected) process.send?.(message);
}
