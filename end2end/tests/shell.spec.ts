// What holds on every page: it opens cold and by navigation, it restores from its
// address, it recovers by itself, it fits. The guard watches console, CSP and network.
import { expect, test } from "./support/fixtures";
import { httpSpans, resourceOf } from "./support/otel";
import {
  currentPods,
  hydrated,
  isSameDocument,
  keyOf,
  layoutShift,
  markDocument,
  openCatalog,
  openTab,
  row,
  servicePath,
  TABS,
} from "./support/pages";
import { deployment, freshNamespace, podsOf, rollOut } from "./support/workloads";

let shop: string;
let key: string;
let path: string;
let trace: string;

test.beforeAll(async ({ cluster, binnacle, sender, browser }) => {
  shop = await freshNamespace(cluster.kube, "shell");
  key = keyOf(shop, "Deployment", "front");
  await rollOut(cluster.kube, deployment({ namespace: shop, name: "front" }));
  await rollOut(cluster.kube, deployment({ namespace: shop, name: "front", image: "registry.test/front:v2" }));
  const [pod] = await podsOf(cluster.kube, shop, "front");
  const spans = [httpSpans("GET", "/a/rather/long/route/with/{many}/segments/{of}/its/own", { count: 60, over_s: 60 })];
  const logs = [{ body: "the front is up", count: 3 }];
  const answer = await sender.send({ endpoint: binnacle.grpc, resource: resourceOf(pod), spans, logs });
  trace = answer.traces[0];
  const page = await browser.newPage({ baseURL: binnacle.url });
  path = await servicePath(page, key);
  await page.close();
});

test("a page names the parts of the program that it needs, however many are drawn at once", async ({ request }) => {
  const told = async (tab: string) => {
    const html = await (await request.get(`${path}/${tab}`)).text();
    return `${tab}: ${(html.match(/href="[^"]+\.wasm" rel="preload"/g) ?? []).sort().join()}`;
  };
  const tabs = ["traces", "logs", "metrics", "deploys"];
  const alone: string[] = [];
  for (const tab of tabs) alone.push(await told(tab));
  for (const one of alone) expect(one).toContain(".wasm");
  const together = await Promise.all(Array.from({ length: 40 }, (_, at) => told(tabs[at % tabs.length])));
  expect(new Set(together)).toEqual(new Set(alone));
});

const SIGN = {
  overview: "chart-requests",
  traces: "chart-spans",
  logs: "log-line",
  metrics: "no-metrics",
  profiles: "no-profiles",
  kubernetes: "pod-row",
  deploys: "deploy-row",
};

/** Up to so much is good (Core Web Vitals). */
const GOOD_SHIFT = 0.1;

for (const tab of TABS) {
  test(`${tab} opens cold, and nothing on it moves by itself`, async ({ page }) => {
    await openTab(page, path, tab);
    await expect(page.getByTestId(SIGN[tab]).first()).toBeVisible();
    expect(await layoutShift(page)).toBeLessThanOrEqual(GOOD_SHIFT);
  });
}

test("every tab opens by client navigation, and back again", async ({ page }) => {
  await openCatalog(page, shop);
  await markDocument(page);
  await row(page, key).locator('a[href*="/services/"]').first().click();
  for (const tab of [...TABS, ...TABS.toReversed()]) {
    await page.getByTestId(`tab-${tab}`).click();
    await expect(page).toHaveURL(new RegExp(`/${tab}`));
    await expect(page.getByTestId(SIGN[tab]).first(), tab).toBeVisible();
  }
  await page.goBack();
  await expect(page).toHaveURL(new RegExp(`/${TABS[1]}`));
  await expect(page.getByTestId(SIGN[TABS[1]]).first()).toBeVisible();
  expect(await isSameDocument(page)).toBe(true);
});

test("without scripts the page already has its content", async ({ binnacle, browser }) => {
  const context = await browser.newContext({ javaScriptEnabled: false, baseURL: binnacle.url });
  const page = await context.newPage();
  await page.goto("/");
  await expect(row(page, key).or(page.getByTestId("catalog-row").first()).first()).toBeAttached();
  await context.close();
});

test("the address restores tab and range", async ({ page }) => {
  await openTab(page, path, "overview", "1h");
  await page.getByTestId("tab-deploys").click();
  await expect(page).toHaveURL(/deploys.*range=1h/);
  const address = page.url();
  await page.goto("about:blank");
  await page.goto(address);
  await hydrated(page);
  await expect(page.getByTestId("deploy-row").first()).toBeVisible();
  expect(page.url()).toBe(address);
});

test("the page says it is disconnected when the server stops, and recovers alone", async ({
  page,
  binnacle,
  cluster,
  guard,
}) => {
  guard.allow(/ERR_|Failed to fetch|Failed to load|NetworkError|network error/i);
  await openTab(page, path, "kubernetes");
  await markDocument(page);
  await binnacle.stop();
  await expect(page.getByTestId("live")).toHaveAttribute("data-state", "reconnecting");
  await expect(page.getByTestId("pod-row").first()).toBeVisible();
  await binnacle.start();
  await expect(page.getByTestId("live")).toHaveAttribute("data-state", "live", { timeout: 30_000 });
  // News arrive again, without a reload.
  const [pod] = await podsOf(cluster.kube, shop, "front");
  await cluster.kube.delete("Pod", shop, pod.metadata.name);
  await expect(currentPods(page).filter({ hasText: pod.metadata.name })).toHaveCount(0);
  expect(await isSameDocument(page)).toBe(true);
});

test("a server that hangs is said to give no answer, and what is awaited says so", async ({ page, binnacle }) => {
  await openTab(page, path, "overview");
  const live = page.getByTestId("live");
  process.kill(binnacle.pid, "SIGSTOP");
  try {
    await expect(live).toHaveAttribute("data-state", "stale", { timeout: 30_000 });
    await expect(live).toContainText("No answer");
    await page.getByTestId("tab-traces").click();
    await expect(page.getByText("Loading…").first()).toBeVisible();
  } finally {
    process.kill(binnacle.pid, "SIGCONT");
  }
  await expect(live).toHaveAttribute("data-state", "live", { timeout: 30_000 });
  await expect(page.getByTestId(SIGN.traces)).toBeVisible();
  await expect(page.getByText("Loading…")).toHaveCount(0);
});

test("nothing is asked of a service that is not there", async ({ page, cluster, guard }) => {
  guard.allow(/status of 404/);
  await page.goto(`${path}-nope/overview`);
  await hydrated(page);
  await expect(page.getByRole("main")).toContainText("Service not found");
  const asked: string[] = [];
  page.on("request", (request) => asked.push(request.url()));
  // By the time another page shows it, the news have come here too.
  const other = await page.context().newPage();
  await openTab(other, path, "kubernetes");
  const [pod] = await podsOf(cluster.kube, shop, "front");
  await cluster.kube.delete("Pod", shop, pod.metadata.name);
  await expect(currentPods(other).filter({ hasText: pod.metadata.name })).toHaveCount(0);
  await other.close();
  const own = /read_service|read_charts|list_lanes|list_endpoints|list_errors/;
  expect(asked.filter((url) => own.test(url))).toEqual([]);
});

for (const width of [390, 1024, 1680]) {
  test(`nothing scrolls the page sideways at ${width} px`, async ({ page }) => {
    await page.setViewportSize({ width, height: 844 });
    const places = ["/", ...TABS.map((tab) => `${path}/${tab}`), `/traces/${trace}`, "/status"];
    for (const place of places) {
      await page.goto(place);
      await hydrated(page);
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      expect(wide, place).toBeLessThanOrEqual(0);
    }
  });
}

test("a phone has the open tab on its screen", async ({ page }) => {
  await page.setViewportSize({ width: 390, height: 844 });
  await openTab(page, path, "deploys");
  await expect(page.getByTestId("tab-deploys")).toBeInViewport({ ratio: 1 });
  await page.getByTestId("tab-kubernetes").click();
  await expect(page).toHaveTitle(/^Kubernetes · /);
  await expect(page.getByTestId("tab-kubernetes")).toBeInViewport({ ratio: 1 });
});

for (const colorScheme of ["light", "dark"] as const) {
  test(`the ${colorScheme} system theme is followed`, async ({ page }) => {
    await page.emulateMedia({ colorScheme });
    await page.goto("/");
    await hydrated(page);
    const background = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    const [red] = (background.match(/\d+/g) ?? []).map(Number);
    expect(red > 127, background).toBe(colorScheme === "light");
  });
}

test("the theme that is chosen beats the system's and stays after a reload", async ({ page }) => {
  await page.emulateMedia({ colorScheme: "light" });
  await page.goto("/");
  await hydrated(page);
  const root = page.locator("html");
  const button = page.getByTestId("theme");
  const red = () =>
    page.evaluate(() => Number(/\d+/.exec(getComputedStyle(document.body).backgroundColor)?.[0] ?? Number.NaN));
  await expect(root).toHaveAttribute("data-theme", "system");
  await expect.poll(red).toBeGreaterThan(127);
  for (const theme of ["light", "dark"]) {
    await button.click();
    await expect(root).toHaveAttribute("data-theme", theme);
  }
  const expectDark = async () => {
    await expect(root).toHaveAttribute("data-theme", "dark");
    await expect(button).toHaveAttribute("aria-label", "Theme: dark");
    await expect.poll(red).toBeLessThan(128);
  };
  await expectDark();
  await page.reload();
  await hydrated(page);
  await expectDark();
  await button.click();
  await expect(root).toHaveAttribute("data-theme", "system");
  await expect.poll(red).toBeGreaterThan(127);
});

test("the policy allows no inline script and no other origin", async ({ request }) => {
  const answer = await request.get("/");
  const policy = answer.headers()["content-security-policy"] ?? "";
  expect(policy).toContain("script-src");
  expect(policy).toContain("nonce-");
  expect(policy).not.toContain("'unsafe-eval'");
  const script = policy.split(";").find((each) => each.trim().startsWith("script-src")) ?? "";
  expect(script).not.toContain("'unsafe-inline'");
});

test("a page that does not exist is a 404", async ({ page, guard }) => {
  guard.allow(/status of 404/);
  const answer = await page.goto("/nowhere/at/all");
  expect(answer?.status()).toBe(404);
});

test("a foreign Host is refused", async ({ binnacle, request }) => {
  const answer = await request.get(`${binnacle.url}/`, { headers: { host: "evil.example" } });
  expect([400, 403, 421]).toContain(answer.status());
  const probe = await request.get(`${binnacle.url}/livez`, { headers: { host: "10.0.0.7:7700" } });
  expect(probe.status()).toBe(200);
});

test("a write is taken from Binnacle's own pages and from programs, not from another site", async ({
  binnacle,
  request,
}) => {
  // Without a token, signing in leads to the catalog: whatever is not refused is answered so.
  const signIn = async (headers: Record<string, string>) => {
    const answer = await request.post(`${binnacle.url}/login`, { headers, form: { token: "any" }, maxRedirects: 0 });
    return answer.status();
  };
  expect(await signIn({}), "no browser").toBe(303);
  expect(await signIn({ origin: binnacle.url }), "its own origin").toBe(303);
  expect(await signIn({ "sec-fetch-site": "same-origin" }), "its own site").toBe(303);
  expect(await signIn({ origin: "http://evil.example" }), "another origin").toBe(403);
  expect(await signIn({ "sec-fetch-site": "cross-site" }), "another site").toBe(403);
  expect(await signIn({ origin: binnacle.url, "sec-fetch-site": "same-site" }), "another port of its host").toBe(403);
  // Reading is left to the browser's own rules.
  const read = await request.get(`${binnacle.url}/`, { headers: { "sec-fetch-site": "cross-site" } });
  expect(read.status()).toBe(200);
});
