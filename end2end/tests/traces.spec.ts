// A trace opens as a correct waterfall, whoever sent it and however.
import { expect, test } from "./support/fixtures";
import { httpSpans, resourceOf } from "./support/otel";
import { hydrated } from "./support/pages";
import { deployment, freshNamespace, podsOf, rollOut } from "./support/workloads";

const CHILDREN = [
  { name: "SELECT orders", attributes: { "db.system.name": "postgresql" }, duration_ms: 30, jitter: 0 },
  {
    name: "charge card",
    duration_ms: 60,
    jitter: 0,
    error: { type: "CardDeclined", message: "no funds on the card" },
  },
];

const sent: Record<string, string> = {};

test.beforeAll(async ({ cluster, binnacle, sender }) => {
  const shop = await freshNamespace(cluster.kube, "traces");
  await rollOut(cluster.kube, deployment({ namespace: shop, name: "pay", replicas: 1 }));
  const [pod] = await podsOf(cluster.kube, shop, "pay");
  for (const protocol of ["grpc", "http"] as const) {
    const spans = [httpSpans("POST", "/pay", { duration_ms: 100, jitter: 0, children: CHILDREN })];
    const endpoint = protocol === "grpc" ? binnacle.grpc : binnacle.http;
    const answer = await sender.send({ protocol, endpoint, resource: resourceOf(pod), spans });
    expect(answer).toMatchObject({ sent: 3, failed: 0 });
    sent[protocol] = answer.traces[0];
  }
});

for (const protocol of ["grpc", "http"]) {
  test(`a trace sent by ${protocol} has its spans in order`, async ({ page }) => {
    await page.goto(`/traces/${sent[protocol]}`);
    await hydrated(page);
    const rows = page.getByTestId("span-row");
    await expect(rows).toHaveCount(3);
    await expect(rows.nth(0)).toContainText("POST /pay");
    await expect(rows.nth(1)).toContainText("SELECT orders");
    await expect(rows.nth(2)).toContainText("charge card");
    await expect(rows.nth(0)).toContainText("100 ms");
  });
}

test("a span's details have its attributes and its exception", async ({ page }) => {
  await page.goto(`/traces/${sent.grpc}`);
  await hydrated(page);
  await page.getByTestId("span-row").filter({ hasText: "charge card" }).click();
  await expect(page.getByRole("main")).toContainText("CardDeclined");
  await expect(page.getByRole("main")).toContainText("no funds on the card");
  await page.getByTestId("span-row").filter({ hasText: "SELECT orders" }).click();
  await expect(page.getByRole("main")).toContainText("postgresql");
});

test("arrows go through the spans from wherever the page is", async ({ page }) => {
  await page.goto(`/traces/${sent.grpc}`);
  await hydrated(page);
  // It opens with what failed, the last of them.
  const chosen = page.locator('[data-testid="span-row"][aria-selected="true"]');
  await expect(chosen).toContainText("charge card");
  await page.keyboard.press("ArrowUp");
  await expect(chosen).toContainText("SELECT orders");
  await page.keyboard.press("Home");
  await expect(chosen).toContainText("POST /pay");
});

test("a trace that is not there is a 404 that says so", async ({ page, guard }) => {
  // Chromium logs the status of the document itself.
  guard.allow(/status of 404/);
  const answer = await page.goto(`/traces/${"0".repeat(31)}1`);
  expect(answer?.status()).toBe(404);
  await expect(page.getByRole("main")).toContainText(/not found|no such|no trace/i);
});
