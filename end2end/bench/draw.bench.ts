// What the browser draws: a long trace, and charts. Times are the page's own.
import { type Browser, expect, type Page, test } from "@playwright/test";
import type { Binnacle } from "../tests/support/binnacle";
import { serve } from "../tests/support/fixtures";
import { hydrated } from "../tests/support/pages";
import { simulate } from "../tests/support/simulator";
import { frames, interactions, mainThread, type Opened, opened, painted } from "./browser";
import { sendTrace } from "./otlp";
import { median, percentile, record, type Target } from "./record";
import { pathOfFirst, sendGauges } from "./service";

const SPANS = 100_000;
const OPENINGS = 3;
const FRAMES = 300;
const milliseconds = (target: number): Target => ({ target, unit: "ms" });
const CHART = ".small-chart";
const SPAN_ROW = '[data-testid="span-row"]';

test.describe.configure({ timeout: 600_000 });

test("a long trace", async ({ browser }) => {
  await serve({}, async (binnacle) => {
    const path = `/traces/${await sendTrace(binnacle.http, SPANS)}`;
    await openings(browser, binnacle, path);
    const tab = await opened(browser, binnacle.url);
    await tab.page.goto(path);
    await hydrated(tab.page);
    await scrolling(tab);
    await folding(tab);
    await tab.context.close();
  });
});

async function openings(browser: Browser, binnacle: Binnacle, path: string): Promise<void> {
  const [seen, usable, busy]: number[][] = [[], [], []];
  const [wire, whole]: number[][] = [[], []];
  for (let round = 0; round < OPENINGS; round += 1) {
    const tab = await opened(browser, binnacle.url);
    const { context, page } = tab;
    const answer = await page.goto(path, { waitUntil: "commit" });
    seen.push(await painted(page, SPAN_ROW));
    await hydrated(page);
    usable.push(await page.evaluate(() => performance.now()));
    busy.push(await mainThread(tab));
    await answer?.finished();
    const bytes = await page.evaluate(() => {
      const [{ encodedBodySize, decodedBodySize }] = performance.getEntriesByType("navigation") as PerformanceNavigationTiming[];
      return { encodedBodySize, decodedBodySize };
    });
    wire.push(bytes.encodedBodySize);
    whole.push(bytes.decodedBodySize);
    await context.close();
  }
  const note = `navigation → first rows painted, ${SPANS} spans, median of ${OPENINGS}`;
  record("P18 trace open", median(seen), milliseconds(1_000), note);
  record("P18 trace usable", median(usable), milliseconds(1_000), `navigation → keys, folding and scrolling answer; ${median(busy).toFixed(0)} ms of the main thread`);
  const unpacked = `${(median(whole) / 1e6).toFixed(1)} MB unpacked`;
  record("P18 trace bytes", median(wire) / 1e6, { target: 2, unit: "MB" }, unpacked);
}

async function scrolling(tab: Opened): Promise<void> {
  const { page } = tab;
  // Three rows a frame, as a wheel does, and then screens at a time, as a dragged bar does.
  for (const [how, step] of [["", 84], [", dragged", 2_800]] as const) {
    await page.locator(".waterfall-list").evaluate((list) => list.scrollTo(0, 0));
    const before = await mainThread(tab);
    const deltas = await frames(page, ".waterfall-list", step, FRAMES);
    const work = `${(((await mainThread(tab)) - before) / FRAMES).toFixed(1)} ms of the main thread a frame`;
    const note = `median ${median(deltas).toFixed(1)} ms, longest ${Math.max(...deltas).toFixed(1)} ms of ${FRAMES}; ${work}`;
    // A display shows 60 a second: what is told of a frame in time is 16.7.
    record(`P18 trace scroll p99${how}`, percentile(deltas, 99), milliseconds(17), note);
  }
  await page.locator(".waterfall-list").evaluate((list) => list.scrollTo(0, 0));
}

async function folding(tab: Opened): Promise<void> {
  const { page } = tab;
  const rows = page.getByRole("treegrid");
  const fold = async (row: number, count: number) => {
    await page.locator(`${SPAN_ROW} button.fold`).nth(row).click();
    await expect(rows).toHaveAttribute("aria-rowcount", `${count}`);
  };
  await interactions(page, 0);
  const before = await mainThread(tab);
  for (let round = 0; round < 5; round += 1) {
    await fold(0, 1);
    await fold(0, SPANS);
  }
  const work = `${(((await mainThread(tab)) - before) / 10).toFixed(1)} ms of the main thread each`;
  const took = await interactions(page, 10);
  const note = `the root, ${SPANS} spans, the longest of ${took.length}; ${work}`;
  record("P18 trace collapse", Math.max(...took), milliseconds(50), note);
  await page.locator(SPAN_ROW).nth(1).click();
  await interactions(page, 0);
  for (const key of ["ArrowDown", "ArrowUp", "End", "Home", "ArrowDown"]) await page.keyboard.press(key);
  const keys = await interactions(page, 5);
  record("P18 trace keys", Math.max(...keys), milliseconds(50), "one row on, to the end and back, the longest of 5");
}

/** What the target speaks of: so many charts of so many lines of so many points. */
const SMALL = { charts: 100, lines: 5, points: 240 };
const REDRAWS = 8;
test("charts", async ({ browser }) => {
  const size = { services: 1, pods: SMALL.lines, nodes: 1, rate: 0, scenario: "idle" };
  await simulate(size, (kubeconfig) =>
    serve({ kubeconfig }, async (binnacle) => {
      const pods = Array.from({ length: SMALL.lines }, (_, at) => `pod-${at}`);
      await sendGauges(binnacle.http, SMALL.charts, pods);
      const tab = await opened(browser, binnacle.url);
      await tab.page.goto(`${await pathOfFirst(binnacle)}/metrics?range=1h&view=charts&q=pool`);
      await hydrated(tab.page);
      await redrawing(tab);
      await tab.context.close();
    }),
  );
});

/** What the page takes to ask for all of its charts anew and to draw them, on its main thread. */
async function redrawing(tab: Opened): Promise<void> {
  const { page } = tab;
  const [times, scaled]: number[][] = [[], []];
  let drawn = { charts: 0, lines: 0, points: 0 };
  for (let round = 0; round < REDRAWS; round += 1) {
    const before = await mainThread(tab);
    await chooseRange(page, round % 2 ? "1h" : "30m");
    times.push((await mainThread(tab)) - before);
    drawn = await charts(page);
    expect(drawn).toMatchObject({ charts: SMALL.charts, lines: SMALL.charts * SMALL.lines });
    scaled.push((times[round] / drawn.points) * SMALL.charts * SMALL.lines * SMALL.points);
  }
  // Lines have half the points that the target speaks of.
  const whole = `the page's ${drawn.points} points take ${median(times).toFixed(0)} ms of the main thread, with the choice of a range`;
  record("P17 100 small charts", median(scaled), milliseconds(160), `${whole}; scaled by points; what is off the screen is not painted`);
}

/** Chooses a range and waits until the charts show it: all of them come in one answer. */
async function chooseRange(page: Page, range: string): Promise<void> {
  const line = page.locator(`${CHART} path.line`).last();
  const was = await line.getAttribute("d");
  await page.getByTestId("range").locator("summary").click();
  await page.getByTestId("range").locator(`a[href*="range=${range}"]`).click();
  await expect(line).not.toHaveAttribute("d", was ?? "");
  await expect(page.locator(".answer.pending")).toHaveCount(0);
}

/** What the small charts of a page consist of. */
function charts(page: Page): Promise<{ charts: number; lines: number; points: number }> {
  return page.locator(CHART).evaluateAll((all) => {
    const lines = all.flatMap((chart) => [...chart.querySelectorAll(".geometry path.line")]);
    const points = lines.map((line) => ((line.getAttribute("d") ?? "").match(/-?\d+/g)?.length ?? 0) / 2);
    return { charts: all.length, lines: lines.length, points: points.reduce((sum, each) => sum + each, 0) };
  });
}
