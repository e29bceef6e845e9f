// The figures of a large cluster (P12): what the watched objects take in memory, steady and while they are listed anew,
// and what listing and following them costs. The simulated cluster is a process of its own that is not counted.
// Kubelets and log streams are off: what they bring is measurements and logs, with figures of their own.
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "@playwright/test";
import { Binnacle, binnacleBinary } from "../tests/support/binnacle";
import { expectAlive, type Running, sleep, start, until } from "../tests/support/process";
import { cpuSeconds, peakMiB, record, residentMiB } from "./record";

const [SERVICES, PODS, NODES] = [10_000, 50_000, 1_000];
const SIZE = ["--services", `${SERVICES}`, "--pods", `${PODS}`, "--nodes", `${NODES}`];
/** Changes of pods a second. */
const EVENTS = 2_000;
/** Seconds of following them that are measured. */
const FOLLOWED = 30;
/** Seconds between two times that all history is forgotten. */
const FORGOTTEN = 20;
const NOTE = `${SERVICES} services, ${PODS} pods, ${NODES} nodes`;

test.describe.configure({ timeout: 600_000 });

/** A simulated cluster of that size, for as long as it is used. */
async function simulated(flags: string[], use: (kubeconfig: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "binnacle-scale-"));
  const kubeconfig = join(folder, "kubeconfig");
  const args = ["simulate", ...SIZE, "--scenario", "idle", "--rate", "0", "--kubeconfig-out", kubeconfig, ...flags];
  let cluster: Running | undefined;
  try {
    cluster = start("the simulated cluster", binnacleBinary(), args, join(folder, "log"));
    const running = cluster;
    await until("the simulated cluster", () => expectAlive(running) && existsSync(kubeconfig), { timeoutMs: 60_000 });
    await use(kubeconfig);
  } finally {
    await cluster?.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A server that watches a cluster, or none, for as long as it is used. */
async function serve(kubeconfig: string | undefined, use: (binnacle: Binnacle) => Promise<void>): Promise<void> {
  const binnacle = new Binnacle({ kubeconfig, args: ["--kubelets", "off", "--log-streams", "0"] });
  try {
    await binnacle.start();
    await use(binnacle);
    await binnacle.stop();
  } finally {
    binnacle.remove();
  }
}

/** The sum of a metric of the server. */
async function metric(binnacle: Binnacle, name: string): Promise<number> {
  const text = await (await fetch(`${binnacle.url}/metrics`)).text();
  const samples = text.split("\n").filter((line) => line.startsWith(`binnacle_${name}{`));
  return samples.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(" "))), 0);
}

/** Waits until every list was made. */
async function listed(binnacle: Binnacle): Promise<void> {
  const all = async () =>
    (await metric(binnacle, "cluster_connected")) === 1 && (await metric(binnacle, "watched_objects")) > PODS;
  await until("every list", all, { timeoutMs: 180_000 });
}

/** Waits until what was listed is stored: for three seconds there is next to nothing to do. */
async function quiet(binnacle: Binnacle): Promise<void> {
  let [before, calm] = [cpuSeconds(binnacle.pid), 0];
  const isCalm = () => {
    const now = cpuSeconds(binnacle.pid);
    calm = now - before < 0.1 ? calm + 1 : 0;
    before = now;
    return calm >= 3;
  };
  await until("what was listed to be stored", isCalm, { timeoutMs: 180_000, everyMs: 1_000 });
}

/** Memory of a server that watches nothing. */
async function idle(): Promise<number> {
  let resident = Number.NaN;
  await serve(undefined, async (binnacle) => {
    await quiet(binnacle);
    resident = residentMiB(binnacle.pid);
  });
  return resident;
}

test("a large cluster", async () => {
  const without = await idle();
  await simulated([], (kubeconfig) =>
    serve(kubeconfig, async (binnacle) => {
      await listed(binnacle);
      await quiet(binnacle);
      const first = cpuSeconds(binnacle.pid);
      record("P12 RSS above idle", residentMiB(binnacle.pid) - without, { target: 64, unit: "MiB" }, NOTE);
      await binnacle.restart();
      await listed(binnacle);
      await quiet(binnacle);
      const note = `every version is stored already; ${first.toFixed(1)} CPU-s at the first start, which stores them`;
      record("P12 initial sync", cpuSeconds(binnacle.pid), { target: 1.5, unit: "CPU-s" }, note);
    }),
  );
  await simulated(["--gone-every", `${FORGOTTEN}`], (kubeconfig) =>
    serve(kubeconfig, async (binnacle) => {
      await listed(binnacle);
      await quiet(binnacle);
      const before = await metric(binnacle, "watch_lists_total");
      // From here on the most that it holds (proc(5): 5 resets VmHWM).
      writeFileSync(`/proc/${binnacle.pid}/clear_refs`, "5");
      await until("lists", async () => (await metric(binnacle, "watch_lists_total")) > before, { timeoutMs: 120_000 });
      await listed(binnacle);
      await quiet(binnacle);
      const note = `${(await metric(binnacle, "watch_lists_total")) - before} lists`;
      record("P12 RSS above idle, relisting", peakMiB(binnacle.pid) - without, { target: 128, unit: "MiB" }, note);
    }),
  );
});

test("many events", async () => {
  await simulated(["--churn", `${EVENTS}`], (kubeconfig) =>
    serve(kubeconfig, async (binnacle) => {
      await listed(binnacle);
      // What was listed is stored meanwhile.
      await sleep(FOLLOWED * 1_000);
      const [cpu, began] = [cpuSeconds(binnacle.pid), performance.now()];
      await sleep(FOLLOWED * 1_000);
      const share = (cpuSeconds(binnacle.pid) - cpu) / ((performance.now() - began) / 1e3);
      record(`P12 ${EVENTS} events/s`, share * 100, { target: 5, unit: "% CPU" }, `${NOTE}; stored as well`);
    }),
  );
});
