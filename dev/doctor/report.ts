import { styleText } from 'node:util';
import { formatTable } from '../stack/format-table.ts';

/** From best to worst. `skipped`: nobody asked. */
const STATUSES = ['skipped', 'ok', 'warning', 'failed'] as const;
export type Status = (typeof STATUSES)[number];

/** One thing that a check has to say. */
export interface Finding {
  readonly status: Status;
  /** What was found, as a few words. */
  readonly text: string;
  /** What to do about it. */
  readonly advice?: string;
}

/** What came of asking one dependency. */
export interface Checked {
  readonly version?: string;
  /** How long one round trip took. */
  readonly ms?: number;
  readonly findings: readonly Finding[];
}

export interface CheckReport extends Checked {
  readonly name: string;
}

export interface DoctorReport {
  /** Where the configuration comes from. */
  readonly source: string;
  readonly checks: readonly CheckReport[];
}

export function ok(text: string): Finding {
  return { status: 'ok', text };
}

export function warning(text: string, advice: string): Finding {
  return { status: 'warning', text, advice };
}

export function failed(text: string, advice: string): Finding {
  return { status: 'failed', text, advice };
}

/** A check that was not made, and why. */
export function skipped(why: string): Checked {
  return { findings: [{ status: 'skipped', text: why }] };
}

/**
 * The same without any of `secrets`, and without control characters: versions, names and messages are other systems'
 * words, and one of them may say our token back.
 */
export function scrubbed(checks: readonly CheckReport[], secrets: readonly string[]): readonly CheckReport[] {
  const scrub = (text: string) =>
    secrets.reduce((clean, secret) => clean.replaceAll(secret, '***'), text).replaceAll(/\p{Cc}/gu, '?');
  return checks.map((check) => ({
    ...check,
    ...(check.version !== undefined && { version: scrub(check.version) }),
    findings: check.findings.map((finding) => ({
      ...finding,
      text: scrub(finding.text),
      ...(finding.advice !== undefined && { advice: scrub(finding.advice) }),
    })),
  }));
}

/** The worst of its findings. */
export function statusOf({ findings }: Checked): Status {
  return STATUSES.findLast((status) => findings.some((finding) => finding.status === status)) ?? 'skipped';
}

export function isHealthy(report: DoctorReport): boolean {
  return report.checks.every((check) => statusOf(check) !== 'failed');
}

const COLOURS = { ok: 'green', warning: 'yellow', failed: 'red', skipped: 'gray' } as const;
const WORDS = { ok: 'ok', warning: 'look', failed: 'FAILED', skipped: 'skipped' } as const;

/** As a table with a line for each finding, and below it what to do. `colour`: for a terminal. */
export function formatReport(report: DoctorReport, colour: boolean): string {
  const styled = (format: Parameters<typeof styleText>[0], text: string) =>
    colour ? styleText(format, text, { validateStream: false }) : text;
  const rows = report.checks.flatMap(({ name, ms, version, findings }) =>
    findings.map(({ status, text }, index) => {
      const first = index === 0;
      const took = first && ms !== undefined ? `${ms.toFixed(1)} ms` : '';
      return [first ? name : '', styled(COLOURS[status], WORDS[status]), took, first ? (version ?? '') : '', text];
    }),
  );
  const table = formatTable(['asked', '', 'in', 'version', 'says'], rows);
  const advice = report.checks.flatMap(({ name, findings }) =>
    findings.flatMap((finding) => (finding.advice === undefined ? [] : [`- ${name}: ${finding.advice}`])),
  );
  const failures = report.checks.filter((check) => statusOf(check) === 'failed').map(({ name }) => name);
  const verdict =
    failures.length === 0 ? styled('green', 'All is well.') : styled('red', `Not well: ${failures.join(', ')}.`);
  const parts = [report.source, table, ...(advice.length === 0 ? [] : [`What to do:\n${advice.join('\n')}`]), verdict];
  return parts.join('\n\n');
}

export function toJson(report: DoctorReport): string {
  const checks = report.checks.map((check) => ({ ...check, status: statusOf(check) }));
  return JSON.stringify({ ok: isHealthy(report), source: report.source, checks }, undefined, 2);
}
