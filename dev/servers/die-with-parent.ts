import { type ChildProcess, spawn } from 'node:child_process';

/**
 * Reads `+pid` and `-pid` lines; its input ends when this process ends, however that happens (a SIGKILL too, since the
 * kernel closes the pipe), and then it kills what is left. Plain sh, so it works wherever the stack does.
 */
const WATCH = `
pids=" "
while read -r line; do
  case "$line" in
    +*) pids="$pids\${line#+} " ;;
    -*) case "$pids" in *" \${line#-} "*) pids="\${pids%% \${line#-} *} \${pids#* \${line#-} }" ;; esac ;;
  esac
done
for pid in $pids; do kill -KILL "$pid" 2>/dev/null; done
`;

let watcher: ChildProcess | undefined;

/** Sees to it that `child` is killed (SIGKILL) when this process ends without having stopped it. */
export function dieWithParent(child: ChildProcess): void {
  const { pid } = child;
  if (pid === undefined) return;
  tellWatcher(`+${pid}`);
  // Its number may be given to somebody else's process later.
  child.once('exit', () => tellWatcher(`-${pid}`));
}

function tellWatcher(line: string): void {
  watcher ??= startWatcher();
  watcher.stdin?.write(`${line}\n`);
}

function startWatcher(): ChildProcess {
  // Detached: a Ctrl-C or a kill of the whole process group must not take the watcher along.
  const started = spawn('/bin/sh', ['-c', WATCH], { stdio: ['pipe', 'ignore', 'ignore'], detached: true });
  started.unref();
  // A pipe to a child is a socket, which keeps the event loop alive unless told otherwise.
  if (started.stdin !== null && 'unref' in started.stdin && typeof started.stdin.unref === 'function') {
    started.stdin.unref();
  }
  started.stdin?.on('error', () => {
    watcher = undefined;
  });
  return started;
}
