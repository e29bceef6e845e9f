// What is measured of a page: by the browser's own timing of events and paints, and over the DevTools protocol.
import type { Browser, BrowserContext, CDPSession, Page } from "@playwright/test";

/** What the script below keeps in the page. */
interface Kept {
  /** Milliseconds from input to paint, by interaction. */
  interactions: Map<number, number>;
  /** Milliseconds from the start of navigation to the largest paint so far. */
  lcp: number;
  memory?: WebAssembly.Memory;
}

declare global {
  // biome-ignore lint: the page's own.
  var bench: Kept;
}

export interface Opened {
  context: BrowserContext;
  page: Page;
  devtools: CDPSession;
}

/** A page of its own, without a cache, that keeps what is measured of it. */
export async function opened(browser: Browser, url: string): Promise<Opened> {
  const context = await browser.newContext({ baseURL: url });
  const page = await context.newPage();
  await page.addInitScript(keep);
  const devtools = await context.newCDPSession(page);
  await devtools.send("Network.enable");
  // Time on a processor: what else the machine does is not the page's.
  await devtools.send("Performance.enable", { timeDomain: "threadTicks" });
  return { context, page, devtools };
}

/** Runs in the page, before anything else. */
function keep(): void {
  const kept: Kept = { interactions: new Map(), lcp: 0 };
  globalThis.bench = kept;
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries() as (PerformanceEntry & { interactionId?: number })[]) {
      if (!entry.interactionId) continue;
      const longest = Math.max(entry.duration, kept.interactions.get(entry.interactionId) ?? 0);
      kept.interactions.set(entry.interactionId, longest);
    }
    // What is shorter is not told at all.
  }).observe({ type: "event", durationThreshold: 16, buffered: true } as PerformanceObserverInit);
  new PerformanceObserver((list) => {
    for (const { startTime } of list.getEntries()) kept.lcp = startTime;
  }).observe({ type: "largest-contentful-paint", buffered: true });
  const instantiate = WebAssembly.instantiateStreaming;
  WebAssembly.instantiateStreaming = async (...args) => {
    const made = await instantiate(...args);
    const memory = Object.values(made.instance.exports).find((each) => each instanceof WebAssembly.Memory);
    kept.memory ??= memory as WebAssembly.Memory | undefined;
    return made;
  };
}

/** Lighthouse's slow 4G and a processor a quarter as fast. */
export async function slowDown({ devtools }: Opened): Promise<void> {
  const [down, up] = [1_600_000 / 8, 750_000 / 8];
  const network = { offline: false, latency: 150, downloadThroughput: down, uploadThroughput: up };
  await devtools.send("Network.emulateNetworkConditions", network);
  await devtools.send("Emulation.setCPUThrottlingRate", { rate: 4 });
}

/** Milliseconds from input to paint of all interactions since the last call, each at least what can be told. */
export async function interactions(page: Page, count: number): Promise<number[]> {
  const told = await page.evaluate(async () => {
    // Two frames and a task later all of them are told.
    await new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
    await new Promise((resolve) => setTimeout(resolve, 100));
    const all = [...bench.interactions.values()];
    bench.interactions.clear();
    return all;
  });
  return [...told, ...Array(Math.max(count - told.length, 0)).fill(16)];
}

/** Time of the page's main thread on a processor so far, in milliseconds. */
export async function mainThread({ devtools }: Opened): Promise<number> {
  const { metrics } = await devtools.send("Performance.getMetrics");
  return (metrics.find((metric) => metric.name === "TaskDuration")?.value ?? Number.NaN) * 1e3;
}

/** What a page holds once garbage is collected. */
export interface Held {
  heap: number;
  wasm: number;
  nodes: number;
  listeners: number;
}

export async function held({ page, devtools }: Opened): Promise<Held> {
  await devtools.send("HeapProfiler.collectGarbage");
  const { usedSize } = await devtools.send("Runtime.getHeapUsage");
  const { nodes, jsEventListeners } = await devtools.send("Memory.getDOMCounters");
  const wasm = await page.evaluate(() => bench.memory?.buffer.byteLength ?? Number.NaN);
  return { heap: usedSize, wasm, nodes, listeners: jsEventListeners };
}

/** Counts requests and bytes on the wire from now on; a stream that does not end counts as it comes. */
export function countBytes({ devtools }: Opened): () => { bytes: number; requests: number } {
  const sizes = new Map<string, number>();
  let ended = 0;
  devtools.on("Network.dataReceived", ({ requestId, encodedDataLength, dataLength }) => {
    // Of what is not compressed only its length is told.
    sizes.set(requestId, (sizes.get(requestId) ?? 0) + (encodedDataLength || dataLength));
  });
  devtools.on("Network.loadingFinished", ({ requestId, encodedDataLength }) => {
    sizes.set(requestId, encodedDataLength);
    ended += 1;
  });
  return () => ({ bytes: [...sizes.values()].reduce((sum, each) => sum + each, 0), requests: ended });
}

/** Milliseconds between frames while a script moves something on, once a frame. */
export function frames(page: Page, selector: string, step: number, count: number): Promise<number[]> {
  return page.evaluate(
    ([selector, step, count]) =>
      new Promise<number[]>((resolve, reject) => {
        const list = document.querySelector(selector);
        if (!list) return reject(new Error(`${selector} is not there`));
        const deltas: number[] = [];
        let last = performance.now();
        const frame = (now: number) => {
          deltas.push(now - last);
          last = now;
          if (deltas.length > count) return resolve(deltas.slice(1));
          list.scrollTop += step;
          requestAnimationFrame(frame);
        };
        requestAnimationFrame(frame);
      }),
    [selector, step, count] as const,
  );
}

/** Resolves to the page's own time (milliseconds since navigation) at which what a selector names was painted. */
export function painted(page: Page, selector: string): Promise<number> {
  return page.evaluate(
    (selector) =>
      new Promise<number>((resolve) => {
        const look = () => {
          if (!document.querySelector(selector)) return requestAnimationFrame(look);
          requestAnimationFrame(() => resolve(performance.now()));
        };
        look();
      }),
    selector,
  );
}
