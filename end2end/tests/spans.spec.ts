// The Traces tab: requests that an SDK sent are found, plotted, listed, and lead to their trace and back.
import { expect, test } from "./support/fixtures";
import { httpSpans, resourceOf } from "./support/otel";
import type { Page } from "@playwright/test";
import { hydrated, keyOf, openTab, servicePath } from "./support/pages";
import { deployment, freshNamespace, podsOf, rollOut } from "./support/workloads";

const HOSTILE = '<img src=x onerror="window.hit=1">';

let key = "";
let failed = "";

async function openTraces(page: Page, query = ""): Promise<void> {
  await page.goto(`${await servicePath(page, key)}/traces${query}`);
  await hydrated(page);
}

test.beforeAll(async ({ cluster, binnacle, sender }) => {
  const shop = await freshNamespace(cluster.kube, "spans");
  await rollOut(cluster.kube, deployment({ namespace: shop, name: "pay", replicas: 1 }));
  const [pod] = await podsOf(cluster.kube, shop, "pay");
  const resource = resourceOf(pod);
  const usual = httpSpans("GET", "/items", { duration_ms: 20, count: 120, over_s: 120, until_s_ago: 20 });
  const slow = httpSpans("POST", "/pay", {
    duration_ms: 900,
    jitter: 0,
    attributes: { "user.tier": "gold", note: HOSTILE },
    error: { type: "CardDeclined", message: "no funds on the card" },
    children: [{ name: `SELECT ${HOSTILE}`, kind: "CLIENT", duration_ms: 30, jitter: 0 }],
  });
  const first = await sender.send({ protocol: "grpc", endpoint: binnacle.grpc, resource, spans: [usual] });
  expect(first).toMatchObject({ sent: 120, failed: 0 });
  const second = await sender.send({ protocol: "http", endpoint: binnacle.http, gzip: true, resource, spans: [slow] });
  expect(second).toMatchObject({ sent: 2, failed: 0 });
  failed = second.traces[0];
  key = keyOf(shop, "Deployment", "pay");
});

test("requests come newest first, a page at a time, all of them plotted", async ({ page }) => {
  await openTraces(page);
  const rows = page.getByTestId("span-hit");
  await expect(rows).toHaveCount(100);
  await expect(page.getByTestId("chart-spans")).toContainText("121 · 1 failed");
  await expect(page.getByTestId("span-point")).toHaveCount(121);
  await page.getByTestId("more-spans").click();
  await expect(rows).toHaveCount(21);
  await page.goBack();
  await expect(rows).toHaveCount(100);
});

test("a query finds by endpoint, status, duration and attribute, and lives in the address", async ({ page }) => {
  await openTraces(page);
  const rows = page.getByTestId("span-hit");
  for (const [query, count] of [
    ['endpoint:"POST /pay"', 1],
    ["status:error", 1],
    ["duration:>500ms", 1],
    ["http:5xx", 1],
    ["user.tier=gold", 1],
    ["-user.tier=* items http:404", 0],
  ] as const) {
    await page.getByTestId("filter").fill(query);
    await expect(rows, query).toHaveCount(count);
  }
  await page.getByTestId("filter").fill("status:error");
  await expect(page).toHaveURL(/q=status:error/);
  await page.reload();
  await hydrated(page);
  await expect(rows).toHaveCount(1);
  await page.getByTestId("filter").fill("duration:soon");
  await expect(page.getByRole("alert")).toContainText("is no duration");
});

test("the controls change the query, the order and the kinds", async ({ page }) => {
  await openTraces(page);
  const rows = page.getByTestId("span-hit");
  await page.getByTestId("only-errors").click();
  await expect(rows).toHaveCount(1);
  await expect(page.getByTestId("filter")).toHaveValue("status:error");
  await page.getByTestId("only-errors").click();
  await expect(rows).toHaveCount(100);
  await page.getByTestId("least").selectOption("500 ms");
  await expect(rows).toHaveCount(1);
  await expect(page).toHaveURL(/q=duration:/);
  await page.getByTestId("least").selectOption("");
  await page.getByTestId("sort-slowest").click();
  await expect(rows.first()).toContainText("900 ms");
  await page.getByTestId("filter").fill("SELECT");
  await expect(rows).toHaveCount(0);
  await page.getByTestId("kinds-all").click();
  await expect(rows).toHaveCount(1);
  await expect(rows.first()).toContainText(`SELECT ${HOSTILE}`);
  expect(await page.evaluate("window.hit")).toBeUndefined();
});

test("a row and a point lead to the trace, and back", async ({ page }) => {
  await openTraces(page, "?range=15m&q=status:error");
  const rows = page.getByTestId("span-hit");
  await rows.first().getByRole("link").click();
  await expect(page).toHaveURL(new RegExp(`/traces/${failed}\\?range=15m`));
  await expect(page.getByTestId("span-row").first()).toContainText("POST /pay");
  await page.goBack();
  await expect(rows).toHaveCount(1);
  await expect(page.getByTestId("filter")).toHaveValue("status:error");
  await page.getByTestId("span-point").click();
  await expect(page).toHaveURL(new RegExp(`/traces/${failed}`));
  expect(await page.evaluate("window.hit")).toBeUndefined();
});

test("back from a trace is the place in the list", async ({ page }) => {
  await openTraces(page);
  const row = page.getByTestId("span-hit").nth(90);
  await row.scrollIntoViewIfNeeded();
  const place = await page.evaluate(() => scrollY);
  expect(place).toBeGreaterThan(500);
  await row.getByRole("link").click();
  await expect(page.getByTestId("span-row").first()).toBeVisible();
  await page.goBack();
  await expect(page.getByTestId("span-hit")).toHaveCount(100);
  await expect.poll(() => page.evaluate(() => scrollY)).toBe(place);
});

test("an endpoint of the overview leads to its requests", async ({ page }) => {
  await openTab(page, await servicePath(page, key), "overview", "1h");
  await page.getByTestId("endpoint-row").filter({ hasText: "POST /pay" }).getByRole("link").click();
  await expect(page.getByTestId("filter")).toHaveValue('endpoint:"POST /pay"');
  await expect(page.getByTestId("span-hit")).toHaveCount(1);
});

test("on a narrow screen rows stay readable and nothing overflows", async ({ page }) => {
  await page.setViewportSize({ width: 390, height: 844 });
  await openTraces(page, "?q=status:error");
  await expect(page.getByTestId("span-hit")).toContainText("900 ms");
  const wide = await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth");
  expect(wide).toBeLessThanOrEqual(0);
});
