// Lines that an SDK's log handler sent are found, counted, opened, and lead to their trace.
import { expect, test } from "./support/fixtures";
import { resourceOf } from "./support/otel";
import type { Page } from "@playwright/test";
import { hydrated, keyOf, servicePath } from "./support/pages";
import { deployment, freshNamespace, podsOf, rollOut } from "./support/workloads";

let key = "";
let trace = "";

async function openLogs(page: Page, query = ""): Promise<void> {
  await page.goto(`${await servicePath(page, key)}/logs${query}`);
  await hydrated(page);
}

test.beforeAll(async ({ cluster, binnacle, sender }) => {
  const shop = await freshNamespace(cluster.kube, "logs");
  await rollOut(cluster.kube, deployment({ namespace: shop, name: "orders", replicas: 1 }));
  const [pod] = await podsOf(cluster.kube, shop, "orders");
  const resource = resourceOf(pod);
  const grpc = await sender.send({
    protocol: "grpc",
    endpoint: binnacle.grpc,
    resource,
    logs: [
      { body: "order {n} was accepted", count: 130 },
      { body: "Payment refused by gateway 7", level: "ERROR", in_span: "POST /pay", attributes: { "order.id": "81f3" } },
    ],
  });
  expect(grpc).toMatchObject({ sent: 132, failed: 0 });
  trace = grpc.traces[0];
  const http = await sender.send({
    protocol: "http",
    endpoint: binnacle.http,
    gzip: true,
    resource,
    logs: [{ body: '{"msg":"stock is low","level":"warn","sku":{"id":"BX-1"}}', level: "WARNING" }],
  });
  expect(http).toMatchObject({ sent: 1, failed: 0 });
  key = keyOf(shop, "Deployment", "orders");
});

test("lines come newest first, a page at a time", async ({ page }) => {
  await openLogs(page);
  const lines = page.getByTestId("log-line");
  await expect(lines).toHaveCount(100);
  await expect(page.getByTestId("chart-logs")).toContainText("132");
  await page.getByTestId("older-lines").click();
  await expect(lines).toHaveCount(32);
  await page.goBack();
  await expect(lines).toHaveCount(100);
});

test("a query finds by level, by words and by attribute, and lives in the address", async ({ page }) => {
  await openLogs(page);
  const lines = page.getByTestId("log-line");
  for (const [query, count] of [
    ["level:error", 1],
    ['"payment refused"', 1],
    ["order.id=81f3", 1],
    ["sku.id=BX-1", 1],
    ["accepted -1", 81],
    ["no such line", 0],
  ] as const) {
    await page.getByTestId("filter").fill(query);
    await expect(lines, query).toHaveCount(count);
  }
  await page.getByTestId("filter").fill("level:error");
  await expect(page).toHaveURL(/q=level:error/);
  await page.reload();
  await hydrated(page);
  await expect(lines).toHaveCount(1);
  await page.getByTestId("filter").fill("level:loud");
  await expect(page.getByRole("alert")).toContainText("is no level");
});

test("a line opens with its attributes and leads to its trace", async ({ page }) => {
  await openLogs(page, "?q=level:error");
  const line = page.getByTestId("log-line");
  await line.locator("summary").click();
  await expect(line).toContainText("81f3");
  await expect(line).toContainText("shop.orders");
  await line.getByRole("link", { name: trace }).click();
  await expect(page.getByTestId("span-row")).toContainText("POST /pay");
});

test("lines that differ in values are one pattern", async ({ page }) => {
  await openLogs(page);
  await page.getByTestId("show-patterns").click();
  const patterns = page.getByTestId("log-pattern");
  await expect(patterns).toHaveCount(3);
  await page.getByTestId("filter").fill("level:error");
  await expect(patterns).toHaveCount(1);
  await page.getByTestId("filter").fill("");
  await expect(patterns).toHaveCount(3);
  const accepted = patterns.filter({ hasText: "order was accepted" });
  await expect(accepted).toContainText("130");
  await accepted.getByRole("link").click();
  await expect(page.getByTestId("log-line")).toHaveCount(100);
});
