// What hands do: keys instead of a mouse, and a mouse on a chart.
import { expect, serve, test } from "./support/fixtures";
import { httpSpans, resourceOf } from "./support/otel";
import { hydrated, isSameDocument, keyOf, markDocument, openCatalog, openTab, row, servicePath } from "./support/pages";
import { simulate } from "./support/simulator";
import { deployment, freshNamespace, podsOf, rollOut } from "./support/workloads";

let shop: string;
let key: string;
let path: string;

test.beforeAll(async ({ cluster, binnacle, sender, browser }) => {
  shop = await freshNamespace(cluster.kube, "hands");
  key = keyOf(shop, "Deployment", "alpha");
  for (const name of ["alpha", "beta"]) await rollOut(cluster.kube, deployment({ namespace: shop, name }));
  const [pod] = await podsOf(cluster.kube, shop, "alpha");
  const spans = [httpSpans("GET", "/a", { count: 120, over_s: 240 })];
  await sender.send({ endpoint: binnacle.grpc, resource: resourceOf(pod), spans });
  const page = await browser.newPage({ baseURL: binnacle.url });
  path = await servicePath(page, key);
  await page.close();
});

test("the catalog by keys: filter, down into the list, Enter, and the browser's back", async ({ page }) => {
  await page.goto("/");
  await hydrated(page);
  await markDocument(page);
  await page.keyboard.press("/");
  await page.keyboard.type(shop);
  await expect(page).toHaveURL(new RegExp(`q=${shop}`));
  await expect(page.getByTestId("catalog-row")).toHaveCount(2);
  await page.keyboard.press("ArrowDown");
  const focused = () =>
    page.evaluate(() => document.activeElement?.closest("tr[data-service]")?.getAttribute("data-service"));
  const first = await page.getByTestId("catalog-row").first().getAttribute("data-service");
  await expect.poll(focused).toBe(first);
  await page.keyboard.press("ArrowDown");
  await expect.poll(focused).not.toBe(first);
  await page.keyboard.press("ArrowUp");
  await expect.poll(focused).toBe(first);
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(/\/overview/);
  await page.goBack();
  await expect(page.getByTestId("catalog-row")).toHaveCount(2);
  await expect(page.getByTestId("filter")).toHaveValue(shop);
  expect(await isSameDocument(page)).toBe(true);
});

test("Enter in the filter opens the first match, Escape clears before it leaves, arrows need no focus", async ({
  page,
}) => {
  await page.goto("/");
  await hydrated(page);
  const filter = page.getByTestId("filter");
  await page.keyboard.press("/");
  await page.keyboard.type(`${shop} beta`);
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(/\/Deployment\/beta\/overview/);
  await page.goBack();
  await expect(page.getByTestId("catalog-row")).toHaveCount(1);
  await page.keyboard.press("/");
  await page.keyboard.press("Escape");
  await expect(filter).toHaveValue("");
  await expect(filter).toBeFocused();
  await expect(page).not.toHaveURL(/q=/);
  await page.keyboard.press("Escape");
  await expect(filter).not.toBeFocused();
  await page.keyboard.press("ArrowDown");
  await expect(page.locator("tr[data-service] a:focus")).toHaveCount(1);
});

test("Ctrl-K jumps to a service from anywhere, Escape leaves", async ({ page }) => {
  await page.goto("/status");
  await hydrated(page);
  await markDocument(page);
  await page.keyboard.press("Control+k");
  await expect(page.getByTestId("jump")).toBeFocused();
  await page.keyboard.press("Escape");
  await expect(page.getByTestId("jump")).not.toBeFocused();
  await page.keyboard.press("Control+k");
  await page.keyboard.type("beta");
  await expect(page.getByTestId("jump-hit").filter({ hasText: shop })).toBeVisible();
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(/\/Deployment\/beta\/overview/);
  await expect(page.getByRole("heading", { level: 1, name: "beta" })).toBeVisible();
  // From service to service on the same tab the page stays, and nothing is awaited.
  await page.keyboard.press("Control+k");
  await page.keyboard.type("alpha");
  // By its first letter both are found.
  await expect(page.getByTestId("jump-hit").filter({ hasText: shop })).toHaveCount(1);
  await page.keyboard.press("Enter");
  await expect(page.getByRole("heading", { level: 1, name: "alpha" })).toBeVisible();
  await expect(page.getByTestId("awaited")).toHaveText("");
  expect(await isSameDocument(page)).toBe(true);
});

test("a filter left before the address followed changes no other page", async ({ page }) => {
  await openCatalog(page, shop);
  await expect(row(page, key)).toBeVisible();
  await page.getByTestId("filter").fill(`${shop} al`);
  await row(page, key).locator("a").first().click();
  await expect(page.getByTestId("chart-requests")).toBeVisible();
  // Longer than typing rests: what would still happen has happened.
  await page.waitForTimeout(500);
  await expect(page).toHaveURL(/\/overview/);
});

test("dragging over a chart zooms every chart, and back is the range before", async ({ page }) => {
  await openTab(page, path, "overview");
  await markDocument(page);
  const plot = page.getByTestId("chart-requests").locator(".pointer");
  const box = await plot.boundingBox();
  if (!box) throw new Error("the chart has no pointer layer");
  const y = box.y + box.height / 2;
  await page.mouse.move(box.x + box.width * 0.4, y);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width * 0.5, y);
  await expect(page.locator(".selection").first()).toBeVisible();
  await page.mouse.move(box.x + box.width * 0.6, y);
  await page.mouse.up();
  await expect(page).toHaveURL(/from=\d+&to=\d+/);
  const { from, to } = Object.fromEntries(new URL(page.url()).searchParams);
  // A fifth of five minutes.
  expect((Number(to) - Number(from)) / 1000).toBeGreaterThan(50);
  expect((Number(to) - Number(from)) / 1000).toBeLessThan(70);
  await page.goBack();
  await expect(page).toHaveURL(/range=5m/);
  await expect(page.getByTestId("chart-requests")).toBeVisible();
  expect(await isSameDocument(page)).toBe(true);
});

test("two times that are no range are refused in words, with the menu still open", async ({ page }) => {
  await openTab(page, path, "overview");
  const menu = page.getByTestId("range");
  await menu.locator("summary").click();
  await menu.getByRole("button", { name: "Apply" }).click();
  await expect(page.getByTestId("range-note")).toHaveText("Choose both times");
  await menu.getByLabel("From").fill("2026-01-02T00:00:00");
  await menu.getByLabel("To").fill("2026-01-01T00:00:00");
  await menu.getByRole("button", { name: "Apply" }).click();
  await expect(page.getByTestId("range-note")).toHaveText("From must be before To");
  await expect(page).toHaveURL(/range=5m/);
  await menu.getByLabel("To").fill("2026-01-03T00:00:00");
  await menu.getByRole("button", { name: "Apply" }).click();
  await expect(page).toHaveURL(/from=\d+&to=\d+/);
  await expect(menu.getByLabel("To")).toBeHidden();
});

test("one crosshair stands at the same place on every chart", async ({ page }) => {
  await openTab(page, path, "overview");
  const box = await page.getByTestId("chart-requests").locator(".pointer").boundingBox();
  if (!box) throw new Error("the chart has no pointer layer");
  await page.mouse.move(box.x + box.width * 0.5, box.y + box.height / 2);
  const crosshairs = page.locator(".crosshair");
  await expect(crosshairs.nth(2)).toBeVisible();
  const lefts = await crosshairs.evaluateAll((all) => all.map((each) => (each as HTMLElement).style.left));
  expect(new Set(lefts).size).toBe(1);
});

test("the charts are split by revision, which is in the address", async ({ page, cluster, binnacle, sender }) => {
  const split = { namespace: shop, name: "split", replicas: 1 };
  for (const tag of ["v1", "v2"]) {
    await rollOut(cluster.kube, deployment({ ...split, image: `registry.test/split:${tag}` }));
    const [pod] = await podsOf(cluster.kube, shop, "split");
    const spans = [httpSpans("GET", "/b", { count: 120, over_s: 120 })];
    await sender.send({ endpoint: binnacle.grpc, resource: resourceOf(pod), spans });
  }
  await openTab(page, await servicePath(page, keyOf(shop, "Deployment", "split")), "overview");
  const chart = page.getByTestId("chart-requests");
  const lines = chart.locator(".geometry path.line");
  const legend = chart.locator(".legend li");
  await expect(lines).toHaveCount(1);
  await expect(legend).toHaveCount(1);
  await page.getByTestId("split-revision").click();
  await expect(page).toHaveURL(/[?&]split=revision(&|$)/);
  const expectSplit = async () => {
    await expect(page.getByTestId("split-revision")).toHaveAttribute("aria-current", "true");
    await expect(lines).toHaveCount(2);
    await expect(legend).toHaveCount(2);
    for (const tag of ["v1", "v2"]) await expect(legend.filter({ hasText: tag })).toHaveCount(1);
  };
  await expectSplit();
  await page.reload();
  await hydrated(page);
  await expectSplit();
});

test("every pod has a lane, and no lane is of no pod", async ({ page, cluster }) => {
  const pods = (await podsOf(cluster.kube, shop, "alpha")).map((pod) => pod.metadata.name);
  expect(pods).toHaveLength(2);
  await openTab(page, path, "overview");
  const lanes = () =>
    page.getByTestId("pod-lane").evaluateAll((all) => all.map((each) => each.getAttribute("data-pod")).toSorted());
  await expect.poll(lanes).toEqual(pods.toSorted());
  for (const pod of pods) {
    await expect(page.locator(`[data-testid="pod-lane"][data-pod="${pod}"] .stretch`).last()).toBeVisible();
  }
});

test("of more pods than lanes can be told apart it is drawn how many are in which phase", async ({ page, guard }) => {
  const crowd = { namespace: "shop", name: "crowd", image: "registry.test/crowd", tags: ["v1"], replicas: 210, routes: [] };
  // Another origin than the fixture's.
  guard.allow(/request left the machine: http:\/\/127\.0\.0\.1:/);
  await simulate({ scenario: { nodes: 3, services: [crowd] }, rate: 0 }, (kubeconfig) =>
    serve({ kubeconfig }, async ({ url }) => {
      const services = `${url}/api/v1/services?namespace=shop&name=crowd`;
      const found = async () => (await (await fetch(services)).json()).items[0];
      await expect.poll(async () => (await found())?.id).toBeTruthy();
      await openTab(page, `${url}/services/${(await found()).id}`, "overview");
      const pods = page.getByTestId("chart-pods");
      await expect(pods).toContainText("by phase, of 210 pods");
      await expect(pods).toContainText("210 ready");
      await expect(page.getByTestId("pod-lane")).toHaveCount(0);
      await page.goto("about:blank");
    }),
  );
});
