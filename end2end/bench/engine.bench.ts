// The figures of the engine: what is stored a second of processor, what it takes on disk and in memory, and how long
// questions take. `load` sends, and is a process of its own that is not counted. A few minutes of it by default;
// BINNACLE_BENCH=full sends as much as the targets speak of.
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "@playwright/test";
import type { Binnacle } from "../tests/support/binnacle";
import { serve } from "../tests/support/fixtures";
import { cpuSeconds, peakMiB, record, type Target } from "./record";

const isFull = process.env.BINNACLE_BENCH === "full";
const SPANS = isFull ? 10_000_000 : 2_000_000;
const LOGS = isFull ? 10_000_000 : 2_000_000;
/** An hour of 10,000 series, every quarter of a minute. */
const POINTS = 2_400_000;
const SERVICES = 10_000;
const SPANS_OF_SERVICES = 400_000;
const MIXED_SECONDS = isFull ? 600 : 20;
/** Of one service with 20 pods and 20 endpoints. */
const DAYS = isFull ? 30 : 1;

const HOUR = ["--past", "3600"];
const aSecond = (target: number): Target => ({ target, unit: "/s", least: true });
const milliseconds = (target: number): Target => ({ target, unit: "ms" });
const bytes = (target: number): Target => ({ target, unit: "B" });

interface Sent {
  acknowledged: number;
  rejected: number;
  refused: number;
  refusal?: string;
  retried: number;
  bytes: number;
  seconds: number;
}

/** What `queries` prints, by name. */
type Answers = Map<string, { value: number; note: string }>;

/** What `make bench` has built. */
function built(name: string): string {
  return join(process.env.CARGO_TARGET_DIR ?? join(import.meta.dirname, "../../target"), "release", name);
}

const run = promisify(execFile);

/** Sends, and expects that all of it is stored. */
async function send(binnacle: Binnacle, protocol: "grpc" | "http", count: number, ...args: string[]): Promise<Sent> {
  const endpoint = protocol === "grpc" ? binnacle.grpc : binnacle.http;
  const flags = ["--endpoint", endpoint, "--protocol", protocol, "--count", `${count}`, ...args];
  const { stdout } = await run(built("load"), flags, { maxBuffer: 1 << 24 });
  writeFileSync(reportOf(binnacle), stdout);
  const sent: Sent = JSON.parse(stdout);
  expect(sent.acknowledged, `acknowledged; ${sent.refusal ?? "nothing was refused"}`).toBeGreaterThanOrEqual(count);
  return sent;
}

const reportOf = (binnacle: Binnacle) => join(binnacle.data, "load.json");

/** Sends, and records how many records were acknowledged a second of the server's processors. */
async function measure(
  binnacle: Binnacle,
  name: string,
  target: number,
  protocol: "grpc" | "http",
  count: number,
  ...args: string[]
): Promise<number> {
  const before = cpuSeconds(binnacle.pid);
  const sent = await send(binnacle, protocol, count, ...args);
  const cpu = cpuSeconds(binnacle.pid) - before;
  const wall = `${Math.round(sent.acknowledged / sent.seconds / 1e3)}k/s in all`;
  const size = `${(sent.bytes / sent.acknowledged).toFixed(0)} B each`;
  const note = `${sent.acknowledged} records, ${size}, ${wall}, ${sent.retried} retries, peak ${peakMiB(binnacle.pid).toFixed(0)} MiB`;
  record(name, sent.acknowledged / cpu, aSecond(target), note);
  return cpu;
}

/** Stops the server and asks what it has stored, after all of it was merged. */
async function ask(binnacle: Binnacle, services: number): Promise<Answers> {
  await binnacle.stop();
  return queries(binnacle.data, reportOf(binnacle), `${services}`);
}

async function queries(...args: string[]): Promise<Answers> {
  const { stdout } = await run(built("examples/queries"), args, { maxBuffer: 1 << 24 });
  const figures = stdout.split("\n").filter(Boolean);
  return new Map(figures.map((line) => JSON.parse(line)).map(({ name, ...figure }) => [name, figure]));
}

function answer(answers: Answers, question: string, name: string, target: Target): void {
  const { value, note } = answers.get(question) ?? {};
  if (value === undefined) throw new Error(`${question} was not measured`);
  record(name, value, target, note);
}

/** A server without a cluster that keeps all it is sent, for as long as it is used. */
const keeping = (use: (binnacle: Binnacle) => Promise<void>) => serve({ args: ["--retention-bytes", "100GB"] }, use);

test.describe.configure({ timeout: isFull ? 3_600_000 : 300_000 });

test("spans", async () => {
  await keeping(async (binnacle) => {
    const signal = ["--signal", "spans", ...HOUR];
    const half = SPANS / 2;
    let cpu = await measure(binnacle, "P1 spans, gRPC", 300_000, "grpc", half, ...signal, "--seed", "1");
    cpu += await measure(binnacle, "P1 spans, HTTP", 300_000, "http", half, ...signal, "--seed", "2");
    const answers = await ask(binnacle, 10);
    const merging = answers.get("merging")?.value ?? Number.NaN;
    record("P1 spans, merged", SPANS / (cpu + merging), aSecond(300_000), `${merging.toFixed(1)} s more for merging`);
    answer(answers, "bytes", "P3 bytes a span", bytes(48));
    answer(answers, "trace cold", "P6 trace by id, cold", milliseconds(20));
    answer(answers, "trace warm", "P6 trace by id, warm", milliseconds(5));
    answer(answers, "spans", "P7 span search", milliseconds(100));
    answer(answers, "spans plotted", "P7 span search, all plotted", milliseconds(100));
    const began = performance.now();
    await binnacle.start();
    const size = (SPANS * (answers.get("bytes")?.value ?? Number.NaN)) / 1e6;
    record("P11 start-up with a store", performance.now() - began, milliseconds(3_000), `${size.toFixed(0)} MB`);
  });
});

test("logs", async () => {
  await keeping(async (binnacle) => {
    const cpu = await measure(binnacle, "P4 logs, gRPC", 400_000, "grpc", LOGS, "--signal", "logs", ...HOUR);
    const answers = await ask(binnacle, 10);
    const merging = answers.get("merging")?.value ?? Number.NaN;
    record("P4 logs, merged", LOGS / (cpu + merging), aSecond(400_000), `${merging.toFixed(1)} s more for merging`);
    answer(answers, "bytes", "P4 bytes a log", bytes(46));
    answer(answers, "logs rare", "P8 log search, rare", milliseconds(50));
    answer(answers, "logs scanned", "P8 log search, full scan", milliseconds(300));
  });
});

test("metrics", async () => {
  await keeping(async (binnacle) => {
    const cpu = await measure(binnacle, "P5 samples, gRPC", 1_200_000, "grpc", POINTS, "--signal", "metrics", ...HOUR);
    const answers = await ask(binnacle, 10);
    const merging = answers.get("merging")?.value ?? Number.NaN;
    record("P5 samples, merged", POINTS / (cpu + merging), aSecond(1_200_000), `${merging.toFixed(1)} s for merging`);
    answer(answers, "bytes", "P5 bytes a sample", bytes(3.6));
    answer(answers, "metric", "P9 sum of rates", milliseconds(25));
  });
});

test("many services", async () => {
  await keeping(async (binnacle) => {
    const shape = ["--signal", "spans", "--services", `${SERVICES}`, ...HOUR];
    await send(binnacle, "grpc", SPANS_OF_SERVICES, ...shape);
    const answers = await ask(binnacle, SERVICES);
    answer(answers, "red", "P10 RED of a service", milliseconds(10));
  });
});

test("a long time", async () => {
  const data = mkdtempSync(join(tmpdir(), "binnacle-bench-"));
  try {
    const answers = await queries(data, `${DAYS}`);
    const { value, note } = answers.get("red of a month") ?? { value: Number.NaN, note: "not measured" };
    const byMinutes = answers.get("red of a month by minutes")?.value ?? Number.NaN;
    const beside = `${note}; by minutes ${byMinutes.toFixed(0)} ms`;
    record("P10 RED of a long time", value, milliseconds(100), beside);
  } finally {
    rmSync(data, { recursive: true });
  }
});

test("mixed", async () => {
  await keeping(async (binnacle) => {
    const [cpu, began] = [cpuSeconds(binnacle.pid), performance.now()];
    const rates = { spans: 100_000, logs: 100_000, metrics: 500_000 };
    const streams = Object.entries(rates).map(([signal, rate]) =>
      send(binnacle, "grpc", rate * MIXED_SECONDS, "--signal", signal, "--rate", `${rate}`, "--connections", "16"),
    );
    const sent = await Promise.all(streams);
    const [took, used] = [(performance.now() - began) / 1e3, cpuSeconds(binnacle.pid) - cpu];
    const note = `100k spans, 100k logs and 500k points a second for ${MIXED_SECONDS} s, which took ${took.toFixed(1)} s`;
    const retried = sent.reduce((sum, { retried }) => sum + retried, 0);
    record("P2 processors", used / took, { target: 1, unit: "CPU" }, `${note}, ${retried} retries`);
    record("P2 peak RSS", peakMiB(binnacle.pid), { target: 512, unit: "MiB" });
  });
});
