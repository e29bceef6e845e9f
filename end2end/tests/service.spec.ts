// The main job: a deploy raises errors, and the page shows that it did.
import { expect, test } from "./support/fixtures";
import { httpSpans, resourceOf, type SpanGroup } from "./support/otel";
import { deployRows, keyOf, leftOf, openTab, riseOf, servicePath } from "./support/pages";
import { sleep } from "./support/process";
import { deployment, freshNamespace, podsOf, rollOut } from "./support/workloads";

const ORDER = { count: 90, duration_ms: 40 };
const BROKEN = { error: { type: "PaymentError", message: "card 4711 was declined" } };

let shop: string;
let path: string;
let deployedAt: number;
let brokenAt: number;

// One story, told once: the healthy minutes before, the deploy, the errors after it.
test.beforeAll(async ({ cluster, binnacle, sender, browser }) => {
  const { kube } = cluster;
  shop = await freshNamespace(kube, "service");
  const checkout = { namespace: shop, name: "checkout", replicas: 2 };
  await rollOut(kube, deployment({ ...checkout, image: "registry.test/checkout:v1" }));
  const [old] = await podsOf(kube, shop, "checkout");
  const send = (pod: object, spans: SpanGroup[]) =>
    sender.send({ endpoint: binnacle.grpc, resource: resourceOf(pod), spans });
  await send(old, [
    httpSpans("POST", "/orders", { ...ORDER, count: 480, over_s: 240 }),
    httpSpans("GET", "/orders/{id}", { ...ORDER, count: 480, over_s: 240 }),
  ]);

  await rollOut(kube, deployment({ ...checkout, image: "registry.test/checkout:v2" }));
  const sets = await kube.list("ReplicaSet", shop, "app=checkout");
  deployedAt = Math.max(...sets.map((set) => Date.parse(set.metadata.creationTimestamp)));
  const [fresh] = await podsOf(kube, shop, "checkout");
  brokenAt = Date.now();
  // Long enough to fill a few finished buckets after the deploy.
  for (let round = 0; round < 8; round += 1) {
    await sleep(4_000);
    await send(fresh, [
      httpSpans("POST", "/orders", { ...ORDER, ...BROKEN, count: 12, over_s: 4 }),
      httpSpans("GET", "/orders/{id}", { ...ORDER, count: 12, over_s: 4 }),
    ]);
  }
  const page = await browser.newPage({ baseURL: binnacle.url });
  path = await servicePath(page, keyOf(shop, "Deployment", "checkout"));
  await page.close();
});

test("the deploy flag stands where the error chart rises", async ({ page }) => {
  await openTab(page, path, "overview");
  const chart = page.getByTestId("chart-errors");
  const flag = chart.getByTestId("deploy-flag").filter({ hasText: "v2" });
  await expect(flag).toBeVisible();
  expect(Math.abs(Number(await flag.getAttribute("data-at")) - deployedAt)).toBeLessThan(1_000);
  // Five minutes wide, so a bucket is a few percent; the new pods took their time to be ready.
  const late = (brokenAt - deployedAt) / 3_000;
  await expect.poll(async () => Math.abs((await leftOf(flag)) + late - (await riseOf(chart)))).toBeLessThan(5);
});

test("every chart carries the flag at the same place", async ({ page }) => {
  await openTab(page, path, "overview");
  const lefts: number[] = [];
  for (const name of ["chart-requests", "chart-errors", "chart-latency"]) {
    const flag = page.getByTestId(name).getByTestId("deploy-flag").filter({ hasText: "v2" });
    await expect(flag, name).toBeVisible();
    lefts.push(await leftOf(flag));
  }
  expect(Math.max(...lefts) - Math.min(...lefts)).toBeLessThan(1);
});

test("health is failing and the sentence has the error rate", async ({ page }) => {
  await openTab(page, path, "overview");
  await expect(page.getByTestId("health").first()).toHaveText(/failing/i);
  await expect(page.getByTestId("sentence").first()).toHaveText(/\d+(\.\d+)?\s*%/);
});

test("the deploy has its rate, errors and latency, and what they were before", async ({ page }) => {
  await openTab(page, path, "deploys", "1h");
  const numbers = deployRows(page).first().locator("td.num");
  await expect(numbers).toHaveCount(6);
  const [rate, rateBefore, errors, errorsBefore, p95, p95Before] = await numbers.allInnerTexts();
  // 960 requests in four minutes, all of them well; then six a second while they are sent, every other one failed.
  expect([errors, errorsBefore]).toEqual(["50.0 %", "0.0 %"]);
  expect(Math.abs(Number(rateBefore) - 4)).toBeLessThan(0.5);
  expect(Number(rate)).toBeGreaterThan(2);
  expect(Number(rate)).toBeLessThan(7);
  for (const latency of [p95, p95Before]) {
    expect(latency).toMatch(/^\d+ ms$/);
    expect(Math.abs(Number.parseInt(latency) - 45)).toBeLessThan(15);
  }
});

test("endpoints are named by method and route", async ({ page }) => {
  await openTab(page, path, "overview");
  await expect(page.getByTestId("endpoint-row").filter({ hasText: "POST /orders" })).toHaveCount(1);
  await expect(page.getByTestId("endpoint-row").filter({ hasText: "GET /orders/{id}" })).toHaveCount(1);
});

test("the error group names the exception, its revision and a trace that opens", async ({ page }) => {
  await openTab(page, path, "overview");
  const group = page.getByTestId("error-group").filter({ hasText: "PaymentError" });
  await expect(group).toHaveCount(1);
  await expect(group).toContainText("v2");
  await group.locator('a[href*="/traces/"]').first().click();
  await expect(page).toHaveURL(/\/traces\/[0-9a-f]{32}/);
  await expect(page.getByTestId("span-row").filter({ hasText: "POST /orders" })).toBeVisible();
});

test("a shorter range is in the URL and the way back works", async ({ page }) => {
  await openTab(page, path, "overview", "1h");
  await expect(page.getByTestId("deploy-flag").first()).toBeVisible();
  await openTab(page, path, "overview", "5m");
  await expect(page).toHaveURL(/range=5m/);
  await page.goBack();
  await expect(page).toHaveURL(/range=1h/);
});
