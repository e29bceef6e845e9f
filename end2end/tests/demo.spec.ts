// The demo as somebody meets it who has just started it: it says what it is, has an
// hour behind it, and each incident of the shop is visible and explained.
import type { Page } from "@playwright/test";
import type { Binnacle } from "./support/binnacle";
import { test as base, expect, serve } from "./support/fixtures";
import { currentPods, hydrated, keyOf, openTab, row, servicePath } from "./support/pages";

const test = base.extend<object, { binnacle: Binnacle }>({
  binnacle: [
    async ({}, use) => serve({ demo: true }, use),
    { scope: "worker", timeout: 90_000 },
  ],
});

// The hour arrives in few seconds, and a machine that does much else takes longer.
const ARRIVAL = { timeout: 40_000 };

const payments = keyOf("payments", "Deployment", "payments");
const notifications = keyOf("platform", "Deployment", "notifications");
const thumbnailer = keyOf("media", "Deployment", "thumbnailer");
const ledger = keyOf("payments", "Deployment", "ledger");
const storefront = keyOf("shop", "Deployment", "storefront");
const recommendations = keyOf("shop", "Deployment", "recommendations");
const search = keyOf("shop", "Deployment", "search");
const agent = keyOf("platform", "DaemonSet", "log-agent");

async function open(page: Page, key: string, tab: Parameters<typeof openTab>[2]): Promise<void> {
  await openTab(page, await servicePath(page, key), tab, "1h");
}

function incident(page: Page, title: string | RegExp) {
  return page.getByTestId("adverse-event").filter({ hasText: title }).first();
}

test("the catalog has the shop, worst first, and says what is wrong", async ({ page }) => {
  await page.goto("/");
  await hydrated(page);
  await expect(page.getByTestId("demo")).toContainText("binnacle --kubeconfig");
  await expect(page.getByTestId("catalog-row")).toHaveCount(15);
  await expect(row(page, notifications).getByTestId("sentence")).toContainText("keeps crashing: exit code 1");
  await expect(row(page, thumbnailer).getByTestId("sentence")).toContainText("can't be pulled");
  await expect(row(page, ledger).getByTestId("sentence")).toContainText("OOM killed");
  const worst = page.getByTestId("catalog-row").first();
  await expect(worst.getByTestId("sentence")).toContainText(/keeps crashing|can't be pulled/);
});

test("a node that died is named where pods were on it", async ({ page }) => {
  await open(page, agent, "kubernetes");
  await expect(incident(page, "node-3")).toContainText("The node does not report any more");
  // One row for the node, with the other services that it hurt and the way to them.
  const hurt = incident(page, "node-3").getByTestId("hurt-service");
  await expect(hurt.first()).toBeVisible();
  await hurt.first().click();
  await expect(page).toHaveURL(/\/kubernetes.*#node-node-3$/);
  await expect(incident(page, "node-3")).toContainText("It hurt");
});

test("who is held at its CPU limit says so, and is not called worse than it is", async ({ page }) => {
  await page.goto("/");
  const held = row(page, agent);
  await expect(held.getByTestId("sentence")).toContainText(/was throttled up to \d+ % of the last .* in \d of \d pods/, { timeout: 90_000 });
  await expect(held.getByTestId("health")).toHaveText(/healthy/i);
  await open(page, agent, "kubernetes");
  await expect(incident(page, "CPU throttled")).toContainText("Give it a higher CPU limit");
});

test("a service has its processor and memory from the start, and goes on to have them", async ({ page }) => {
  await open(page, keyOf("shop", "Deployment", "recommendations"), "metrics");
  const charts = page.getByTestId("chart-golden");
  const chart = (title: string) => charts.filter({ has: page.getByRole("heading", { name: title, exact: true }) });
  for (const title of ["CPU", "Memory", "Network"]) {
    await expect(chart(title)).toBeVisible(ARRIVAL);
  }
  // One line a pod, and what each may have.
  await expect(chart("Memory").locator(".legend")).toContainText("limit", ARRIVAL);
  await expect(chart("Memory").locator(".headline")).toContainText("MiB");
  await page.goto("/status");
  await expect(page.getByTestId("status-kubelets")).toContainText(/[34] of 4 kubelets/, ARRIVAL);
});

test("something happens within a minute of opening it", async ({ page }) => {
  await page.goto("/");
  await expect(row(page, storefront)).toContainText("5.3.1", { timeout: 60_000 });
});

test("the tour leads to what it promises, and is over once dismissed", async ({ page }) => {
  await page.goto("/");
  await hydrated(page);
  const links = page.getByTestId("tour").getByRole("link");
  await expect(links).toHaveCount(3);
  // What is opened is the deploy of the story, whatever was deployed since.
  const promised = [
    [payments, "deploys", "new card gateway", "6.5.0-rc.1"],
    [notifications, "kubernetes", "Crash loop", ""],
    [search, "deploys", "CACHE_TTL", "0.05s"],
  ];
  for (const [index, [key, tab, text, changed]] of promised.entries()) {
    await links.nth(index).click();
    await expect(page).toHaveURL(new RegExp(`${key}/${tab}`));
    await expect(page.getByRole("main")).toContainText(text);
    if (changed) await expect(page.getByTestId("diff")).toContainText(changed);
    await expect(page.getByTestId("demo")).toBeVisible();
    await expect(page.getByTestId("tour")).toHaveCount(0);
    await page.goBack();
  }
  await page.getByTestId("tour-dismiss").click();
  await expect(page.getByTestId("tour")).toHaveCount(0);
  await page.reload();
  await hydrated(page);
  await expect(page.getByTestId("demo")).toBeVisible();
  await expect(page.getByTestId("tour")).toHaveCount(0);
});

test("a crash loop and an image that can't be pulled tell which pod and why", async ({ page }) => {
  await open(page, notifications, "kubernetes");
  await expect(incident(page, "Crash loop")).toContainText(/exit code 1/);
  await expect(incident(page, "Crash loop").getByTestId("last-lines")).toContainText(/\w{3,}/, ARRIVAL);
  await expect(page.getByTestId("pod-row").filter({ hasText: "3.2.0" })).toContainText("Error (exit code 1)");
  await open(page, thumbnailer, "kubernetes");
  await expect(incident(page, "can't be pulled")).toContainText("thumbs:2.4.0-rc.0");
});

test("the slow leak says which pod reaches its limit when, and shows where it goes", async ({ page }) => {
  await page.goto("/");
  const leaking = row(page, recommendations);
  await expect(leaking.getByTestId("sentence")).toContainText(/2 pods grows by up to .* an hour: the first reaches its limit in \d+ h/, { timeout: 90_000 });
  await open(page, recommendations, "kubernetes");
  await expect(page.getByTestId("leak-row")).toContainText("the first reaches its limit in");
  await open(page, recommendations, "overview");
  await page.getByTestId("see-leak").click();
  await expect(page.getByTestId("leak")).toContainText("2 of 2 pods of 0.16.0");
  await expect(page.getByTestId("leaking-pod")).toHaveCount(2);
  const chart = page.getByTestId("chart-leak");
  for (const line of ["likely", "soonest", "latest", "limit"]) {
    await expect(chart.locator(".legend")).toContainText(line);
  }
  // 46 MiB an hour is what the scenario leaks.
  const rate = page.getByTestId("leaking-pod").first().getByRole("cell").filter({ hasText: "an hour" });
  await expect(rate).toHaveText(/^(3[6-9]|4\d|5[0-2]) MiB an hour \(\d+ MiB to \d+ MiB\)$/);
});

test("an OOM kill names the limit", async ({ page }) => {
  await open(page, ledger, "kubernetes");
  await expect(incident(page, "OOM killed")).toContainText("384 MiB");
  await expect(currentPods(page).filter({ hasText: "OOMKilled" })).toHaveCount(1);
});

test("the deploy that raised errors stands beside them, and so does its rollback", async ({ page }) => {
  await open(page, payments, "overview");
  const group = page.getByTestId("error-group").filter({ hasText: "GatewayTimeoutError" });
  await expect(group).toContainText("POST /checkout", ARRIVAL);
  await expect(group).toContainText("6.5.0-rc.1", ARRIVAL);
  const flags = page.getByTestId("chart-errors").getByTestId("deploy-flag");
  await expect(flags.filter({ hasText: "6.5.0-rc.1" })).toBeVisible();
  await open(page, payments, "deploys");
  const deploy = page.getByTestId("deploy-row").filter({ hasText: "→ 6.5.0-rc.1" });
  await expect(deploy).toHaveAttribute("data-reconstructed", "true");
  // A share of errors after it that nobody overlooks, and next to none before.
  await expect(deploy.getByRole("cell", { name: /^(1[5-9]|2\d)(\.\d)? %$/ })).toBeVisible(ARRIVAL);
  await expect(page.locator('[data-testid="deploy-row"][data-rollback="true"]').last()).toContainText("6.4.0");
  // Judged once the hour is there.
  await expect(deploy.getByTestId("verdict")).toHaveAttribute("data-level", "rolled-back", ARRIVAL);
  await expect(deploy).toContainText(/6\.5\.0-rc\.1 was taken back.*POST \/checkout fails \d+(\.\d)? % of the time/);
  await deploy.getByRole("link").first().click();
  const evidence = page.getByTestId("evidence");
  const worst = evidence.getByTestId("evidence-row").first();
  await expect(worst).toContainText(/Errors.*POST \/checkout/);
  await expect(worst).toHaveAttribute("data-outcome", "worse");
  await expect(evidence.locator('[data-outcome="not flagged"]').first()).toBeVisible();
});

test("a slow-down without a new image shows the value that changed", async ({ page }) => {
  await open(page, search, "deploys");
  const deploy = page.locator('[data-testid="deploy-row"][data-kind="config"][data-rollback="false"]').last();
  await expect(deploy).toContainText("CACHE_TTL");
  await expect(deploy).toContainText("300s");
  await expect(deploy.getByRole("cell", { name: /^[23]\d\d ms$/ }).first()).toBeVisible(ARRIVAL);
  await expect(deploy).toContainText(/GET \/search takes/, ARRIVAL);
  await deploy.getByRole("link").first().click();
  await expect(page.getByTestId("diff")).toContainText("0.05s");
});

for (const width of [390, 1280]) {
  test(`banner and tour fit a page ${width} px wide`, async ({ page }) => {
    await page.setViewportSize({ width, height: 844 });
    await page.goto("/");
    await hydrated(page);
    await expect(page.getByTestId("tour")).toBeVisible();
    const wider = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    expect(wider).toBeLessThanOrEqual(0);
  });
}
