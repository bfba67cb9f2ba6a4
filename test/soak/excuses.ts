import type { FaultName } from './schedule.ts';

/** From when to when a fault was on, ms; `toMs` is infinite until it has been taken back and its part serves again. */
export interface FaultWindow {
  readonly name: FaultName;
  readonly fromMs: number;
  readonly toMs: number;
}

/** A request's life: when it was sent, and when its caller gives up, ms. */
export interface Life {
  readonly fromMs: number;
  readonly toMs: number;
}

/** Until NATS has noticed that a relay's connection is gone, ms. */
const NOTICED_MS = 100;

/**
 * Why a request over NATS may stay without a reply in time: NATS delivers at most once, so what is with a relay that is
 * killed is lost, and what comes to one that stands still waits. Undefined: it may not.
 */
export function whyUnanswered(life: Life, windows: readonly FaultWindow[]): FaultName | undefined {
  return windows.find((window) => {
    switch (window.name) {
      case 'relay killed':
        return overlap(life, { fromMs: window.fromMs, toMs: window.fromMs + NOTICED_MS });
      case 'relay stopped':
      case 'nats killed':
      case 'nats stopped':
        return overlap(life, window);
      default:
        return false;
    }
  })?.name;
}

/** A function's new process takes that long over its first call, where the machine is busy, ms. */
const COLD_MS = 1500;

/** The same over HTTPS: nobody stands between the caller and a function whose process is killed, stands still or is new. */
export function whyUnansweredOverHttp(life: Life, windows: readonly FaultWindow[]): FaultName | undefined {
  return windows.find(({ name, ...window }) => {
    switch (name) {
      case 'environment killed':
      case 'environment stopped':
      case 'functions killed':
      case 'functions stopped':
        return overlap(life, { fromMs: window.fromMs, toMs: window.toMs + COLD_MS });
      default:
        return false;
    }
  })?.name;
}

/** A while after a fault its echo is not what an untroubled request is like either, ms. */
const ECHO_MS = 1000;

export function isUntroubled(life: Life, windows: readonly FaultWindow[]): boolean {
  return !windows.some(({ fromMs, toMs }) => overlap(life, { fromMs, toMs: toMs + ECHO_MS }));
}

function overlap(one: Life, other: Life): boolean {
  return one.fromMs <= other.toMs && other.fromMs <= one.toMs;
}
