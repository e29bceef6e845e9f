// The catalog: every kind of workload is there by itself, and can be found.
import { expect, test } from "./support/fixtures";
import { httpSpans, resourceOf } from "./support/otel";
import { filterBy, hydrated, keyOf, openCatalog, row } from "./support/pages";
import {
  cronJob,
  daemonSet,
  deployment,
  FATE,
  freshNamespace,
  jobFrom,
  podsOf,
  replicaSet,
  rollOut,
  statefulSet,
} from "./support/workloads";

let shop: string;

test.beforeAll(async ({ cluster }) => {
  const { kube } = cluster;
  shop = await freshNamespace(kube, "catalog");
  await rollOut(
    kube,
    deployment({ namespace: shop, name: "web" }),
    statefulSet({ namespace: shop, name: "db" }),
    daemonSet({ namespace: shop, name: "agent" }),
    replicaSet({ namespace: shop, name: "bare" }),
    deployment({ namespace: shop, name: "broken", image: "registry.test/missing:v1", replicas: 0 }),
  );
  await kube.apply(cronJob({ namespace: shop, name: "report" }, "0 0 1 1 *"));
  await kube.create(jobFrom(await kube.get("CronJob", shop, "report"), "report-now"));
});

test("every kind of workload is a service without configuration", async ({ page }) => {
  await openCatalog(page, shop);
  for (const [kind, name] of [
    ["Deployment", "web"],
    ["StatefulSet", "db"],
    ["DaemonSet", "agent"],
    ["ReplicaSet", "bare"],
  ]) {
    await expect(row(page, keyOf(shop, kind, name)), kind).toBeVisible();
  }
});

test("a deployment's replica set is not a service of its own", async ({ page }) => {
  await openCatalog(page, shop);
  await expect(row(page, keyOf(shop, "Deployment", "web"))).toBeVisible();
  const sets = page.locator(`[data-testid="catalog-row"][data-service^="${shop}/ReplicaSet/"]`);
  await expect(sets).toHaveCount(1);
});

test("a healthy service is grey and says so", async ({ page }) => {
  await openCatalog(page, shop);
  const web = row(page, keyOf(shop, "Deployment", "web"));
  await expect(web.getByTestId("health")).toHaveText(/healthy/i);
});

test("requests sent by pods are their service's, over gRPC and HTTP", async ({ page, cluster, binnacle, sender }) => {
  const [one, two] = await podsOf(cluster.kube, shop, "web");
  const spans = [httpSpans("GET", "/cart/{id}", { count: 120, over_s: 60, until_s_ago: 20 })];
  const byGrpc = await sender.send({ endpoint: binnacle.grpc, resource: resourceOf(one), spans });
  const byHttp = await sender.send({
    endpoint: binnacle.http,
    protocol: "http",
    gzip: true,
    resource: resourceOf(two),
    spans,
  });
  expect([byGrpc.sent, byHttp.sent, byGrpc.failed + byHttp.failed]).toEqual([120, 120, 0]);
  await openCatalog(page, shop);
  await expect(row(page, keyOf(shop, "Deployment", "web"))).toContainText(/\d\/s|req/);
});

test("a crash loop comes first and its sentence says what happened", async ({ page, cluster }) => {
  await cluster.kube.apply(
    deployment({ namespace: shop, name: "loop", replicas: 1, annotations: { [FATE]: "crash" } }),
  );
  await openCatalog(page, shop);
  const loop = row(page, keyOf(shop, "Deployment", "loop"));
  await expect(loop.getByTestId("health")).toHaveText(/failing/i, { timeout: 30_000 });
  await expect(loop.getByTestId("sentence")).toHaveText(/crash/i);
  await expect(page.getByTestId("catalog-row").first()).toHaveAttribute(
    "data-service",
    keyOf(shop, "Deployment", "loop"),
  );
  await cluster.kube.delete("Deployment", shop, "loop");
  await expect(loop).toHaveCount(0);
});

test("the text filter narrows, is in the URL, and survives a reload", async ({ page }) => {
  await openCatalog(page, shop);
  await filterBy(page, "statefulset");
  await expect(row(page, keyOf(shop, "StatefulSet", "db"))).toBeVisible();
  await expect(row(page, keyOf(shop, "Deployment", "web"))).toHaveCount(0);
  await expect(page).toHaveURL(/statefulset/);
  await page.reload();
  await hydrated(page);
  await expect(row(page, keyOf(shop, "StatefulSet", "db"))).toBeVisible();
  await expect(row(page, keyOf(shop, "Deployment", "web"))).toHaveCount(0);
});

test("sorting by name is in the URL and turns round", async ({ page }) => {
  await openCatalog(page, shop);
  const names = () =>
    page
      .getByTestId("catalog-row")
      .evaluateAll((rows) => rows.map((each) => each.getAttribute("data-service")?.split("/")[2]));
  const heading = page.getByRole("columnheader", { name: /service|name/i }).first();
  await heading.getByRole("link").or(heading.getByRole("button")).first().click();
  await expect(page).toHaveURL(/sort/);
  const ascending = async () => JSON.stringify(await names()) === JSON.stringify((await names()).toSorted());
  await expect.poll(ascending).toBe(true);
  const before = await names();
  const link = heading.getByRole("link").or(heading.getByRole("button")).first();
  await link.click();
  await expect.poll(names).toEqual(before.toReversed());
  await expect(link, "other rows leave the focus where it is").toBeFocused();
});

test("a CronJob is there where jobs are asked for, and its job is not a row of its own", async ({ page }) => {
  await openCatalog(page, shop);
  await expect(row(page, keyOf(shop, "Deployment", "web"))).toBeVisible();
  const report = row(page, keyOf(shop, "CronJob", "report"));
  await expect(report).toHaveCount(0);
  const chip = page.getByRole("link", { name: "Jobs and bare pods" });
  // The address has what was typed: the chip leads to both.
  await expect(chip).toHaveAttribute("href", new RegExp(`q=${shop}`));
  await chip.click();
  await expect(page).toHaveURL(/[?&]all=1(&|$)/);
  await expect(chip).toHaveAttribute("aria-current", "true");
  await expect(report).toBeVisible();
  await expect(page.locator(`[data-testid="catalog-row"][data-service^="${shop}/Job/"]`)).toHaveCount(0);
  await page.reload();
  await hydrated(page);
  await expect(report).toBeVisible();
  // It is known nevertheless: it belongs to its CronJob.
  await report.locator('a[href*="/services/"]').first().click();
  await page.getByTestId("tab-kubernetes").click();
  const jobs = page.locator('[data-testid="resource-row"][data-kind="Job"]');
  await expect(jobs.filter({ hasText: "report-now" })).toHaveCount(1);
});

// Names rise first; of what is measured the most comes first. Health is the order without a word in the address.
const ORDERS: [heading: string, key: string, first: "ascending" | "descending"][] = [
  ["Service", "name", "ascending"],
  ["What is going on", "", "descending"],
  ["Requests /s", "requests", "descending"],
  ["Errors", "errors", "descending"],
  ["p95", "p95", "descending"],
  ["Ready", "ready", "ascending"],
  ["Restarts", "restarts", "descending"],
  ["Revision", "revision", "ascending"],
  ["Last deploy", "last-deploy", "descending"],
];

test("every column orders the list, says how, and is in the URL", async ({ page }) => {
  await openCatalog(page, shop);
  await expect(page).toHaveURL(new RegExp(`q=${shop}`));
  const headings = page.getByRole("columnheader");
  await expect(headings).toHaveText(ORDERS.map(([heading]) => new RegExp(`^${heading}`)));
  const sorted = page.locator("th[aria-sort]");
  for (const [name, key, first] of ORDERS) {
    const heading = page.getByRole("columnheader", { name, exact: true });
    const order = () => {
      const asked = new URL(page.url()).searchParams;
      return [asked.get("sort") ?? "", asked.get("dir") ?? ""];
    };
    await heading.getByRole("link").click();
    await expect(heading).toHaveAttribute("aria-sort", first);
    await expect(sorted).toHaveCount(1);
    await expect.poll(order, name).toEqual([key, ""]);
    await heading.getByRole("link").click();
    await expect(heading).toHaveAttribute("aria-sort", first === "ascending" ? "descending" : "ascending");
    await expect(sorted).toHaveCount(1);
    await expect.poll(order, name).toEqual([key, "reverse"]);
  }
  await page.reload();
  await hydrated(page);
  await expect(page.getByRole("columnheader", { name: "Last deploy" })).toHaveAttribute("aria-sort", "ascending");
  await expect(sorted).toHaveCount(1);
});

test("namespace and health are chosen, are in the URL, and survive a reload", async ({ page, cluster }) => {
  const { kube } = cluster;
  const other = await freshNamespace(kube, "catalog-other");
  const missing = { image: "registry.test/missing:v1", replicas: 1 };
  await kube.apply(
    deployment({ namespace: other, name: "elsewhere", ...missing }),
    deployment({ namespace: shop, name: "unpulled", ...missing }),
  );
  const [web, unpulled] = ["web", "unpulled"].map((name) => row(page, keyOf(shop, "Deployment", name)));
  const elsewhere = row(page, keyOf(other, "Deployment", "elsewhere"));
  await openCatalog(page, "catalog");
  await expect(page).toHaveURL(/q=catalog/);
  for (const each of [unpulled, elsewhere]) {
    await expect(each.getByTestId("health")).toHaveText(/failing/i, { timeout: 30_000 });
  }
  await expect(web).toBeVisible();

  const namespaces = page.getByRole("combobox", { name: "Namespace" });
  await namespaces.selectOption(shop);
  await expect(page).toHaveURL(new RegExp(`[?&]ns=${shop}(&|$)`));
  await expect(elsewhere).toHaveCount(0);
  await expect(unpulled).toBeVisible();
  await expect(web).toBeVisible();

  const failing = page.getByRole("link", { name: /^Failing \d+$/ });
  await expect(failing).toHaveAttribute("href", new RegExp(`ns=${shop}`));
  await failing.click();
  await expect(page).toHaveURL(/[?&]health=failing(&|$)/);
  const expectChosen = async () => {
    await expect(unpulled).toBeVisible();
    await expect(web).toHaveCount(0);
    await expect(elsewhere).toHaveCount(0);
    await expect(failing).toHaveAttribute("aria-current", "true");
    await expect(namespaces).toHaveValue(shop);
    await expect(page.getByTestId("filter")).toHaveValue("catalog");
  };
  await expectChosen();
  await page.reload();
  await hydrated(page);
  await expectChosen();
  // Chosen again, it is left.
  await failing.click();
  await expect(page).not.toHaveURL(/health=/);
  await expect(web).toBeVisible();
  await expect(elsewhere).toHaveCount(0);
  await kube.delete("Deployment", other, "elsewhere");
  await kube.delete("Deployment", shop, "unpulled");
});

test("the slash key goes to the filter", async ({ page }) => {
  await page.goto("/");
  await hydrated(page);
  await page.keyboard.press("/");
  await expect(page.getByTestId("filter")).toBeFocused();
});
