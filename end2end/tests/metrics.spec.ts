// Metrics that were sent are listed, drawn, grouped and filtered, and the address holds what was chosen.
import { expect, test } from "./support/fixtures";
import { resourceOf } from "./support/otel";
import { hydrated, keyOf, servicePath } from "./support/pages";
import { deployment, freshNamespace, podsOf, rollOut } from "./support/workloads";

let key = "";

test.beforeAll(async ({ cluster, binnacle }) => {
  const shop = await freshNamespace(cluster.kube, "metrics");
  await rollOut(cluster.kube, deployment({ namespace: shop, name: "orders", replicas: 1 }));
  const [pod] = await podsOf(cluster.kube, shop, "orders");
  const attributes = Object.entries(resourceOf(pod)).map(([key, value]) => ({ key, value: { stringValue: value } }));
  const points = (value: (n: number) => object) =>
    ["/pay", "/cart"].flatMap((route) =>
      Array.from({ length: 30 }, (_, n) => ({
        timeUnixNano: `${BigInt(Date.now() - (30 - n) * 20_000) * 1_000_000n}`,
        attributes: [{ key: "http.route", value: { stringValue: route } }],
        ...value(n),
      })),
    );
  const metrics = [
    { name: "process.memory.usage", unit: "By", gauge: { dataPoints: points(() => ({ asInt: `${64 << 20}` })) } },
    {
      name: "shop.orders",
      unit: "{order}",
      sum: { isMonotonic: true, aggregationTemporality: 2, dataPoints: points((n) => ({ asInt: `${n * 40}` })) },
    },
  ];
  const body = JSON.stringify({ resourceMetrics: [{ resource: { attributes }, scopeMetrics: [{ metrics }] }] });
  const headers = { "content-type": "application/json" };
  const answer = await fetch(`${binnacle.http}/v1/metrics`, { method: "POST", headers, body });
  expect(answer.status).toBe(200);
  key = keyOf(shop, "Deployment", "orders");
});

test("a metric is chosen, grouped and filtered in the address", async ({ page }) => {
  await page.goto(`${await servicePath(page, key)}/metrics`);
  await hydrated(page);
  await expect(page.getByTestId("chart-golden")).toContainText("Memory");
  await expect(page.getByTestId("chart-golden")).toContainText("128 MiB");
  // The first one is shown without being chosen.
  await expect(page.getByTestId("chart-metric")).toContainText("process.memory.usage");
  await page.getByTestId("agg-max").click();
  await expect(page).toHaveURL(/metric=process\.memory\.usage.*agg=max/);
  await page.getByTestId("filter").fill("orders");
  await expect(page.getByTestId("metric-name")).toHaveCount(1);
  await page.getByTestId("metric-name").click();
  await expect(page).toHaveURL(/metric=shop\.orders.*rate=1/);
  const chart = page.getByTestId("chart-metric");
  // 40 orders in 20 s on each of two routes, read three minutes back: the newest buckets reach beyond the points.
  const plot = chart.locator(".pointer");
  const width = (await plot.boundingBox())?.width ?? 0;
  await plot.hover({ position: { x: width * 0.95, y: 30 } });
  await expect(chart.locator(".legend .value")).toHaveText("4.0/s");
  await page.getByRole("combobox", { name: "Group by" }).selectOption("http.route");
  await expect(chart.locator(".legend li")).toHaveCount(2);
  await page.reload();
  await hydrated(page);
  await expect(chart.locator(".legend li")).toHaveCount(2);
});

test("all metrics stand beside each other, and one of them leads to its chart", async ({ page }) => {
  await page.goto(`${await servicePath(page, key)}/metrics`);
  await hydrated(page);
  await page.getByTestId("view-all").click();
  await expect(page).toHaveURL(/view=charts/);
  const small = page.getByTestId("small-chart");
  await expect(small.filter({ hasText: "process.memory.usage" })).toContainText("128 MiB");
  await expect(small.filter({ hasText: "shop.orders" }).locator("path.line")).toHaveCount(1);
  await expect(page.locator(".explorer")).toBeHidden();
  await page.getByTestId("filter").fill("orders");
  await expect(small).toHaveCount(1);
  await small.click();
  await expect(page).toHaveURL(/metric=shop\.orders/);
  await expect(page).not.toHaveURL(/view=charts/);
  await expect(page.getByTestId("chart-metric")).toContainText("shop.orders");
  await expect(page.getByRole("combobox", { name: "Group by" })).toHaveValue("pod");
});
