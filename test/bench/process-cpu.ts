import { readdir, readFile } from 'node:fs/promises';

/** CPU time of a process since its start, us: of all its threads that still live, which is all of them in Node. */
export async function cpuUsOf(pid: number): Promise<number> {
  const threads = await readdir(`/proc/${pid}/task`);
  // /proc/<pid>/stat has it in hundredths of a second, too coarse for a cold start; schedstat counts nanoseconds.
  const times = await Promise.all(
    threads.map(async (thread) => {
      const text = await readFile(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').catch(() => '0');
      return Number(text.split(' ')[0]);
    }),
  );
  return times.reduce((sum, ns) => sum + ns, 0) / 1000;
}
