// The figures of `make bench`, measured on the release binary. Never part of
// `make test`: nothing here fails because of a time. run.mjs prints them.
import { statSync } from "node:fs";
import type { Page, Response } from "@playwright/test";
import { Binnacle, binnacleBinary } from "../tests/support/binnacle";
import { harness as test } from "../tests/support/fixtures";
import { hydrated, keyOf, openCatalog, row, TABS } from "../tests/support/pages";
import { sleep } from "../tests/support/process";
import { deployment, freshNamespace, rollOut } from "../tests/support/workloads";
import { median, percentile, record, residentMiB } from "./record";

const EVENTS = 30;
const STARTS = 5;

test("binary", () => {
  record("binary", statSync(binnacleBinary()).size / 1e6, { target: 30, unit: "MB" });
});

test("start-up and idle memory", async () => {
  const starts: number[] = [];
  let resident = 0;
  for (let round = 0; round < STARTS; round += 1) {
    const binnacle = new Binnacle();
    const began = performance.now();
    await binnacle.start();
    starts.push(performance.now() - began);
    if (round === STARTS - 1) {
      await sleep(10_000);
      resident = residentMiB(binnacle.pid);
    }
    await binnacle.stop();
    binnacle.remove();
  }
  record("start-up to /readyz", median(starts), { target: 1_000, unit: "ms" }, `median of ${STARTS}, empty, no cluster`);
  record("idle RSS", resident, { target: 30, unit: "MiB" }, "empty, no cluster, after 10 s");
});

test("bytes", async ({ cluster, binnacle, browser }) => {
  const shop = await freshNamespace(cluster.kube, "bytes");
  await rollOut(cluster.kube, deployment({ namespace: shop, name: "web" }));
  const context = await browser.newContext({ baseURL: binnacle.url });
  const page = await context.newPage();
  const bytes = countAssets(page);
  await page.goto("/");
  await hydrated(page);
  await page.waitForLoadState("networkidle").catch(() => undefined);
  const first = await bytes();
  record("first load", first.bytes / 1e3, { target: 250, unit: "KB" }, `wasm+js+css, ${first.note}`);

  await openCatalog(page, shop);
  await bytes();
  await row(page, keyOf(shop, "Deployment", "web"))
    .locator('a[href*="/services/"]')
    .first()
    .click();
  for (const tab of TABS) {
    await page.getByTestId(`tab-${tab}`).click();
    await sleep(1_500);
    const lazy = await bytes();
    record(`lazy route ${tab}`, lazy.bytes / 1e3, { target: 80, unit: "KB" }, lazy.note);
  }
  await context.close();
});

/** Bytes on the wire of code and styles since the last call. */
function countAssets(page: Page): () => Promise<{ bytes: number; note: string }> {
  const seen: Response[] = [];
  page.on("response", (response) => {
    if (/\.(wasm|js|css)(\?|$)/.test(response.url())) seen.push(response);
  });
  return async () => {
    let bytes = 0;
    const encodings = new Set<string>();
    const taken = seen.splice(0);
    for (const response of taken) {
      bytes += (await response.request().sizes()).responseBodySize;
      encodings.add(response.headers()["content-encoding"] ?? "identity");
    }
    return { bytes, note: `${taken.length} files, ${[...encodings].join("+") || "nothing new"}` };
  };
}

test("event to visible", async ({ cluster, binnacle, browser }) => {
  const { kube } = cluster;
  const shop = await freshNamespace(kube, "events");
  const context = await browser.newContext({ baseURL: binnacle.url });
  const page = await context.newPage();
  await openCatalog(page, shop);
  const delays: number[] = [];
  for (let index = 0; index < EVENTS; index += 1) {
    const name = `event-${index}`;
    const seen = appearance(page, keyOf(shop, "Deployment", name));
    await sleep(300 + Math.random() * 700);
    const began = Date.now();
    await kube.apply(deployment({ namespace: shop, name, replicas: 0 }));
    delays.push((await seen) - began);
  }
  record("event to visible p50", median(delays), { target: 500, unit: "ms" }, `Deployment created → row in the open page, N=${EVENTS}`);
  record(
    "event to visible p99",
    percentile(delays, 99),
    { target: 500, unit: "ms" },
    `Deployment created → row in the open page, N=${EVENTS}`,
  );
  record("RSS with the test cluster", residentMiB(binnacle.pid), { target: 64, unit: "MiB" });
  await context.close();
});

/** When the row came into the document, by the browser's clock: the machine's, as ours. */
function appearance(page: Page, key: string): Promise<number> {
  return page.evaluate((service) => {
    const selector = `[data-testid="catalog-row"][data-service="${service}"]`;
    return new Promise<number>((resolve, reject) => {
      const look = () => {
        if (!document.querySelector(selector)) return;
        observer.disconnect();
        // Visible is after the next frame.
        requestAnimationFrame(() => resolve(Date.now()));
      };
      const observer = new MutationObserver(look);
      observer.observe(document.body, { childList: true, subtree: true, attributes: true });
      setTimeout(() => reject(new Error(`${service} did not appear in 30 s`)), 30_000);
      look();
    });
  }, key);
}
