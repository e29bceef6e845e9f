// A figure beside its target, for run.mjs to print, and what is measured of a process.
import { appendFileSync, readFileSync } from "node:fs";

export interface Target {
  /** What is to be reached. */
  target: number;
  unit: string;
  /** As much as that at least; else at most. */
  least?: boolean;
}

/** Hands a figure to run.mjs. */
export function record(name: string, value: number, target: Target, note = ""): void {
  const file = process.env.BINNACLE_FIGURES;
  if (!file) throw new Error("BINNACLE_FIGURES is not set: run bench/run.mjs");
  appendFileSync(file, `${JSON.stringify({ name, value, ...target, note })}\n`);
}

export const median = (values: number[]) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];

/** Least value that so many percent do not exceed. */
export function percentile(values: number[], percent: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.ceil((percent / 100) * sorted.length) - 1];
}

function mebibytes(pid: number, field: string): number {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  const [, kib] = new RegExp(`${field}:\\s+(\\d+)`).exec(status) ?? [];
  return Number(kib) / 1024;
}

/** Memory that a process holds now. */
export const residentMiB = (pid: number) => mebibytes(pid, "VmRSS");

/** The most that it has held. */
export const peakMiB = (pid: number) => mebibytes(pid, "VmHWM");

/** Time of a process on processors so far (proc(5): `utime` and `stime`, in ticks of a hundredth). */
export function cpuSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / 100;
}
