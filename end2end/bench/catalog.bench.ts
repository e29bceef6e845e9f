// A cluster of 10,000 services on the catalog: how fast the server draws it, how fast it is there on a slow line, how
// fast it answers, and what it costs to stay open while everything moves.
import { Agent, request } from "node:http";
import { type Browser, type Page, test } from "@playwright/test";
import { Binnacle } from "../tests/support/binnacle";
import { serve } from "../tests/support/fixtures";
import { hydrated } from "../tests/support/pages";
import { sleep, until } from "../tests/support/process";
import { simulate } from "../tests/support/simulator";
import { countBytes, type Held, held, interactions, mainThread, type Opened, opened, slowDown } from "./browser";
import { type Score, score } from "./lighthouse";
import { cpuSeconds, median, percentile, record, type Target } from "./record";
import { pathOfFirst, sendRequests } from "./service";

const isFull = process.env.BINNACLE_BENCH === "full";
const SIZE = { services: 10_000, pods: 50_000, nodes: 1_000, rate: 0, scenario: "idle" };
/** Changes of pods a second: some 15 kB each, so 30 MB a second of the cluster's own stream. */
const CHURN = 2_000;
const REQUESTS = 1_000;
const RATE = 100;
const [LOADS, SCORES] = [5, 3];
/** Of live updates, how often what is held is looked at, and how long a page is open before that. */
const [MINUTES, LOOK, WARM] = isFull ? [60, 60_000, 300_000] : [2.5, 10_000, 40_000];

const ROW = '[data-testid="catalog-row"]';
const milliseconds = (target: number): Target => ({ target, unit: "ms" });

test.describe.configure({ timeout: isFull ? 2 * 3_600_000 : 900_000 });

/** Binnacle on a cluster of that size, once all of it is listed. */
function large(churn: number, use: (binnacle: Binnacle) => Promise<void>): Promise<void> {
  const listed = async ({ url }: Binnacle) => {
    const ready = async () => (await fetch(`${url}/readyz`)).ok;
    await until("the first lists", ready, { timeoutMs: 300_000, everyMs: 500 });
    const all = async () => />10,\d{3} in \d+ namespaces</.test(await (await fetch(url)).text());
    await until("all services to be listed", all, { timeoutMs: 60_000, everyMs: 1_000 });
  };
  const args = ["--kubelets", "off", "--log-streams", "0"];
  return simulate({ ...SIZE, churn }, (kubeconfig) =>
    serve({ kubeconfig, args }, (binnacle) => listed(binnacle).then(() => use(binnacle)), "livez"),
  );
}

test("a large catalog", async ({ browser }) => {
  await large(0, async (binnacle) => {
    await rendering(binnacle);
    await loading(browser, binnacle);
    await filtering(browser, binnacle);
    await sorting(browser, binnacle);
    await scoring(binnacle);
  });
});

/** The page over one of some connections that stay; resolves to milliseconds, and bytes on the wire. */
function get(agent: Agent, url: string, encoding: string): Promise<{ took: number; bytes: number }> {
  const began = performance.now();
  return new Promise((resolve, reject) => {
    const asked = request(url, { agent, headers: { "accept-encoding": encoding } }, (answer) => {
      let bytes = 0;
      answer.on("data", (part: Buffer) => {
        bytes += part.length;
      });
      answer.on("end", () => {
        if (answer.statusCode !== 200) return reject(new Error(`answered ${answer.statusCode}`));
        resolve({ took: performance.now() - began, bytes });
      });
    });
    asked.on("error", reject);
    asked.end();
  });
}

async function rendering(binnacle: Binnacle): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: 64 });
  const page = (encoding = "br, gzip") => get(agent, binnacle.url, encoding);
  for (let round = 0; round < 20; round += 1) await page();
  const [cpu, began] = [cpuSeconds(binnacle.pid), performance.now()];
  const asked: Promise<{ took: number }>[] = [];
  for (let at = 0; at < REQUESTS; at += 1) {
    // By the clock, whether those before have been answered or not.
    await sleep(Math.max(0, began + (at * 1_000) / RATE - performance.now()));
    asked.push(page());
  }
  const times = (await Promise.all(asked)).map(({ took }) => took);
  const used = cpuSeconds(binnacle.pid) - cpu;
  const note = `${REQUESTS} at ${RATE}/s, median ${median(times).toFixed(1)} ms, longest ${Math.max(...times).toFixed(0)} ms`;
  record("P16 catalog SSR p99", percentile(times, 99), milliseconds(10), note);
  record("P16 catalog pages", REQUESTS / used, { target: 500, unit: "/s", least: true }, "of a core, at that rate");
  const [whole, wire] = [await page("identity"), await page()];
  record("P15 catalog HTML", whole.bytes / 1e3, { target: 30, unit: "KB" }, `${(wire.bytes / 1e3).toFixed(1)} KB on the wire`);
  agent.destroy();
}

async function loading(browser: Browser, binnacle: Binnacle): Promise<void> {
  const [painted, usable, busy]: number[][] = [[], [], []];
  for (let round = 0; round < LOADS; round += 1) {
    const tab = await opened(browser, binnacle.url);
    await slowDown(tab);
    await tab.page.goto("/");
    await hydrated(tab.page);
    usable.push(await tab.page.evaluate(() => performance.now()));
    painted.push(await tab.page.evaluate(() => bench.lcp));
    busy.push(await mainThread(tab));
    await tab.context.close();
  }
  const note = `slow 4G, a quarter of the processor, median of ${LOADS}, longest ${Math.max(...painted).toFixed(0)} ms`;
  record("P15 catalog LCP", median(painted), milliseconds(1_000), note);
  const thread = `live and interactive; the main thread had ${median(busy).toFixed(0)} ms to do at full speed`;
  record("P15 catalog TTI", median(usable), milliseconds(3_000), thread);
}

async function scoring(binnacle: Binnacle): Promise<void> {
  const scores: Score[] = [];
  for (let round = 0; round < SCORES; round += 1) scores.push(await score(binnacle.url));
  const of = (audit: string) => `${median(scores.map(({ audits }) => audits[audit])).toFixed(0)} ms`;
  const parts = `LCP ${of("largest-contentful-paint")}, blocked ${of("total-blocking-time")}, interactive ${of("interactive")}`;
  const target = { target: 95, unit: "", least: true };
  record("P15 catalog Lighthouse", median(scores.map(({ performance }) => performance)), target, `median of ${SCORES}; ${parts}`);
}

/** Records the interactions of a script, with how long its answers took to be there. */
async function answering(page: Page, name: string, script: (() => Promise<void>)[], inputs: number): Promise<void> {
  await interactions(page, 0);
  const answers: number[] = [];
  for (const step of script) {
    const began = performance.now();
    await step();
    answers.push(performance.now() - began);
  }
  const took = await interactions(page, inputs);
  const note = `the longest of ${took.length}; rows there after ${median(answers).toFixed(0)} ms`;
  record(name, Math.max(...took), milliseconds(100), note);
}

/** Waits until the first row is another than it was. */
async function changed(page: Page, act: () => Promise<void>): Promise<void> {
  const first = page.locator(ROW).first();
  const was = await first.getAttribute("data-service");
  await act();
  await page.waitForFunction(([row, was]) => document.querySelector(row ?? "")?.getAttribute("data-service") !== was, [ROW, was]);
}

async function filtering(browser: Browser, binnacle: Binnacle): Promise<void> {
  const { context, page } = await opened(browser, binnacle.url);
  await page.goto("/");
  await hydrated(page);
  const filter = page.getByTestId("filter");
  await filter.click();
  const words = ["service-07", "service-0001", "load-05", "service-099", "load-009"];
  const type = (word: string) => async () => {
    await filter.selectText();
    await changed(page, () => page.keyboard.type(word, { delay: 40 }));
  };
  await answering(page, "P15 catalog INP, filter", words.map(type), words.join("").length);
  await context.close();
}

async function sorting(browser: Browser, binnacle: Binnacle): Promise<void> {
  const { context, page } = await opened(browser, binnacle.url);
  await page.goto("/?sort=name&dir=reverse");
  await hydrated(page);
  const head = page.locator("thead th.name a");
  const turns = Array.from({ length: 8 }, () => () => changed(page, () => head.click()));
  await answering(page, "P15 catalog INP, sort", turns, turns.length);
  await context.close();
}

test("a catalog in which everything moves", async ({ browser }) => {
  await large(CHURN, async (binnacle) => {
    const ended = new AbortController();
    const telemetry = trickle(binnacle, ended.signal);
    const catalog = await followed(browser, binnacle, "/");
    const service = await followed(browser, binnacle, `${await pathOfFirst(binnacle)}/overview?range=15m`);
    try {
      const minutes = await Promise.all([growth("catalog", catalog), growth("service", service)]);
      for (const done of minutes) done();
    } finally {
      ended.abort();
      await telemetry;
    }
    await catalog.context.close();
    await service.context.close();
  });
});

async function followed(browser: Browser, binnacle: Binnacle, path: string): Promise<Opened> {
  const tab = await opened(browser, binnacle.url);
  await tab.page.goto(path);
  await hydrated(tab.page);
  return tab;
}

/** Requests of one service, every second, until it is ended. */
async function trickle(binnacle: Binnacle, ended: AbortSignal): Promise<void> {
  while (!ended.aborted) {
    await sendRequests(binnacle.http, 40, 1_000);
    await sleep(1_000);
  }
}

/** Looks at a page that stays open; what it returns records what was seen. */
async function growth(name: string, tab: Opened): Promise<() => void> {
  // Until caches and queues are as full as they get.
  await sleep(WARM);
  const [counted, busy, began] = [countBytes(tab), await mainThread(tab), performance.now()];
  const looks: [number, Held][] = [];
  while (performance.now() - began < MINUTES * 60_000) {
    looks.push([(performance.now() - began) / 3_600_000, await held(tab)]);
    await sleep(LOOK);
  }
  const seconds = (performance.now() - began) / 1e3;
  const { bytes, requests } = counted();
  const load = ((await mainThread(tab)) - busy) / 1e3 / seconds;
  const [first, last] = [looks[0][1], looks[looks.length - 1][1]];
  const note = (field: keyof Held, unit = 1) =>
    `${(first[field] / unit).toFixed(1)} → ${(last[field] / unit).toFixed(1)} in ${(seconds / 60).toFixed(1)} min`;
  return () => {
    const asked = `asked ${(requests / seconds).toFixed(1)} times a second`;
    const churn = `${CHURN} changes of pods a second, ${asked}; the main thread is busy ${(load * 100).toFixed(1)} %`;
    record(`P13 stream, ${name}`, bytes / 1e3 / seconds, { target: 20, unit: "KB/s" }, churn);
    // An hour's slope of what stands still is not quite zero: garbage is never collected to the last byte.
    record(`P18 heap an hour, ${name}`, slope(looks, "heap") / 1e6, { target: 1, unit: "MB" }, `${note("heap", 1e6)} MB`);
    record(`P18 WASM memory, ${name}`, (last.wasm - first.wasm) / 1e6, { target: 0, unit: "MB" }, `${note("wasm", 1e6)} MB`);
    record(`P18 DOM nodes an hour, ${name}`, slope(looks, "nodes"), { target: 1_000, unit: "" }, note("nodes"));
    record(`P18 listeners an hour, ${name}`, slope(looks, "listeners"), { target: 100, unit: "" }, note("listeners"));
  };
}

/** By how much something grows an hour: the median slope between any two looks (Theil–Sen). */
function slope(looks: [number, Held][], field: keyof Held): number {
  const slopes = looks.flatMap(([at, before], index) =>
    looks.slice(index + 1).map(([then, after]) => (after[field] - before[field]) / (then - at)),
  );
  return median(slopes);
}
