import { build, type Histogram } from 'hdr-histogram-js';
import { connect, createInbox, headers, type MsgHdrs } from 'nats';

/** What callers saw. */
export interface Tally {
  /** Microseconds from the sending (open loop: from when it was due) to the reply, failures included. */
  readonly histogram: Histogram;
  /** Replies of the window by whether they were a success; a success is one that says so. */
  readonly succeeded: number;
  readonly failed: Readonly<Record<string, number>>;
  /** Length of the window. */
  readonly seconds: number;
  /** Requests sent in all, those of the lead-in included; so are the next two. */
  readonly sent: number;
  readonly lost: number;
  readonly over450: number;
}

export interface ClosedLoop {
  readonly subject: string;
  readonly concurrency: number;
  readonly windowS: number;
  /** Before the window: whoever comes back after half a minute waits for a new view, which no steady caller ever does. */
  readonly leadInS: number;
  /** Says so in each request's `Timeout-Ms`; absent: callers say nothing, as the real ones. */
  readonly timeoutMs?: number;
}

export interface OpenLoop {
  readonly subject: string;
  /** Requests a second. */
  readonly rate: number;
  readonly windowS: number;
}

export interface Load {
  /** Sends each caller's next request when its last one is answered. */
  closed(options: ClosedLoop): Promise<Tally>;
  /** Sends on time whatever has been answered, and counts from when a request was due: nothing is omitted. */
  open(options: OpenLoop): Promise<Tally>;
  stop(): Promise<void>;
}

/** Far beyond any reply's deadline. */
const LOST_AFTER_MS = 2000;
const SWEEP_MS = 100;
const LATE_MS = 450;
const TICK_MS = 1;
const SUCCESS = Buffer.from('{"success":true');

interface Pending {
  readonly sinceMs: number;
  readonly done: (endMs: number, reply: Buffer | undefined) => void;
}

/** A caller over NATS that is cheap enough to leave the machine to what it measures: no promise and no timer a request. */
export async function startLoad(natsUrl: string): Promise<Load> {
  const nats = await connect({ servers: natsUrl });
  const inbox = createInbox();
  const pending = new Map<number, Pending>();
  const run = crypto.randomUUID().slice(0, 8);
  let sequence = 0;

  nats.subscribe(`${inbox}.*`, {
    callback: (_error, message) => {
      const number = Number(message.subject.slice(inbox.length + 1));
      const { done } = pending.get(number) ?? {};
      pending.delete(number);
      done?.(performance.now(), Buffer.from(message.data.buffer, message.data.byteOffset, message.data.byteLength));
    },
  });
  const sweep = setInterval(() => {
    const before = performance.now() - LOST_AFTER_MS;
    for (const [number, { sinceMs, done }] of pending) {
      if (sinceMs > before) break;
      pending.delete(number);
      done(performance.now(), undefined);
    }
  }, SWEEP_MS);

  function send(subject: string, sinceMs: number, done: Pending['done'], said?: MsgHdrs): void {
    sequence += 1;
    pending.set(sequence, { sinceMs, done });
    const payload = `{"game_id":"${run}-${sequence}","settings":{"resource_level":"low"}}`;
    nats.publish(subject, payload, { reply: `${inbox}.${sequence}`, ...(said && { headers: said }) });
  }

  function closed({ subject, concurrency, windowS, leadInS, timeoutMs }: ClosedLoop): Promise<Tally> {
    const tally = createTally(windowS);
    const said = timeoutMs === undefined ? undefined : headers();
    said?.set('Timeout-Ms', String(timeoutMs));
    const beginMs = performance.now() + leadInS * 1000;
    const endMs = beginMs + windowS * 1000;
    return new Promise((resolve) => {
      let callers = concurrency;
      function next(): void {
        const sinceMs = performance.now();
        if (sinceMs >= endMs) {
          callers -= 1;
          if (callers === 0) resolve(tally);
          return;
        }
        tally.sent += 1;
        send(
          subject,
          sinceMs,
          (atMs, reply) => {
            tally.count(atMs - sinceMs, reply, atMs >= beginMs && atMs < endMs);
            next();
          },
          said,
        );
      }
      for (let caller = 0; caller < concurrency; caller += 1) next();
    });
  }

  function open({ subject, rate, windowS }: OpenLoop): Promise<Tally> {
    const tally = createTally(windowS);
    const total = Math.round(rate * windowS);
    const beginMs = performance.now();
    return new Promise((resolve) => {
      let answered = 0;
      function sendDue(): void {
        const dueByNow = Math.min(total, Math.floor(((performance.now() - beginMs) * rate) / 1000) + 1);
        while (tally.sent < dueByNow) {
          const dueMs = beginMs + (tally.sent * 1000) / rate;
          tally.sent += 1;
          send(subject, dueMs, (atMs, reply) => {
            tally.count(atMs - dueMs, reply, true);
            answered += 1;
            if (answered === total) resolve(tally);
          });
        }
        if (tally.sent < total) setTimeout(sendDue, TICK_MS);
      }
      sendDue();
    });
  }

  return {
    closed,
    open,
    async stop() {
      clearInterval(sweep);
      await nats.close();
    },
  };
}

/** Resolution of 3 digits, 1 us to 10 s. */
export function createHistogram(): Histogram {
  return build({ lowestDiscernibleValue: 1, highestTrackableValue: 10_000_000, numberOfSignificantValueDigits: 3 });
}

function createTally(seconds: number) {
  const failed: Record<string, number> = {};
  return {
    histogram: createHistogram(),
    succeeded: 0,
    failed,
    seconds,
    sent: 0,
    lost: 0,
    over450: 0,
    count(ms: number, reply: Buffer | undefined, inWindow: boolean): void {
      if (reply === undefined) this.lost += 1;
      else if (ms > LATE_MS) this.over450 += 1;
      if (!inWindow) return;
      this.histogram.recordValue(Math.min(10_000_000, Math.max(1, Math.round(ms * 1000))));
      if (reply === undefined) return;
      const code = reply.subarray(0, SUCCESS.length).equals(SUCCESS) ? undefined : codeOf(reply);
      if (code === undefined) this.succeeded += 1;
      else failed[code] = (failed[code] ?? 0) + 1;
    },
  };
}

/** A failure's code; undefined for a success whose keys come in another order. */
function codeOf(reply: Buffer): string | undefined {
  const { success, code }: { success?: unknown; code?: unknown } = JSON.parse(reply.toString());
  return success === true ? undefined : String(code ?? 'no_code');
}
