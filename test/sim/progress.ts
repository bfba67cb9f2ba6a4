/** Where it has got to, on stderr: one line that is redrawn on a terminal, else a line a step. */
export interface Progress {
  /** `weight` of the steps is done with this one. */
  step(name: string, weight: number): void;
  end(): void;
}

/** @param total of all weights: how long the steps take, in any unit */
export function startProgress(total: number, stream: NodeJS.WriteStream = process.stderr): Progress {
  const startedAt = performance.now();
  let done = 0;
  return {
    step(name, weight) {
      done += weight;
      const elapsedS = (performance.now() - startedAt) / 1000;
      const etaS = (elapsedS * (total - done)) / done;
      const share = `${Math.round((100 * done) / total)} %`.padStart(5);
      const text = `${share}  ${name.padEnd(50)} elapsed ${clock(elapsedS)}, eta ${clock(etaS)}`;
      stream.write(stream.isTTY ? `\r\x1b[K${text}` : `${text}\n`);
    },
    end() {
      if (stream.isTTY) stream.write('\r\x1b[K');
    },
  };
}

function clock(seconds: number): string {
  return `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, '0')}`;
}
