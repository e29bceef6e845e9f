// Did this deploy cause it: an image change that raises errors is called so, with evidence beside the difference; one
// that does nothing is not.
import type { Binnacle } from "./support/binnacle";
import { expect, test } from "./support/fixtures";
import type { Kube, Obj } from "./support/kube";
import { httpSpans, resourceOf, type SpanGroup } from "./support/otel";
import { filterBy, hydrated, keyOf, openCatalog, openTab, row } from "./support/pages";
import { sleep } from "./support/process";
import { deployment, freshNamespace, podsOf, rollOut } from "./support/workloads";

const BAD = ["degraded", "failed"];
const BROKEN = { error: { type: "PaymentTimeout", message: "no answer within 3 s" } };
/** Requests of a pod and round of five seconds, an endpoint each. */
const ROUND = { count: 30, over_s: 5, duration_ms: 40 };
/** The hour behind them, at the same rate: to call a deploy healthy takes a past to hold it against. */
const HOUR = { count: 21_600, over_s: 3_600 };

let shop: string;
let bad: string;
let good: string;
let tookRounds = 0;

interface Items<T> {
  items: T[];
}

async function ask<T>(binnacle: Binnacle, path: string): Promise<T[]> {
  const answer = await fetch(`${binnacle.url}/api/v1/services${path}`);
  return ((await answer.json()) as Items<T>).items;
}

/** The path of a service's page. */
async function pathOf(binnacle: Binnacle, name: string): Promise<string> {
  const [found] = await ask<{ id: string }>(binnacle, `?namespace=${shop}&name=${name}`);
  return `/services/${found.id}`;
}

/** What Binnacle says of the newest deploy of a service, as machines are told. */
async function levelOf(binnacle: Binnacle, path: string): Promise<string | undefined> {
  type Deploy = { kind: string; verdict: { level: string } | null };
  const deploys = await ask<Deploy>(binnacle, `${path.replace(/^\/services/, "")}/deploys`);
  return deploys.find((deploy) => deploy.kind !== "first")?.verdict?.level;
}

/** Both pods of an image; those of the one before may still be listed. */
async function podsWith(kube: Kube, name: string, tag: string): Promise<Obj[]> {
  const isOf = (pod: Obj) => pod.spec.containers[0].image.endsWith(`:${tag}`);
  const found = async () => (await podsOf(kube, shop, name)).filter(isOf);
  await expect.poll(async () => (await found()).length).toBe(2);
  return found();
}

const healthy = (): SpanGroup[] => [httpSpans("POST", "/orders", ROUND), httpSpans("GET", "/orders/{id}", ROUND)];

/** Three of ten orders fail. */
const failing = (): SpanGroup[] => [
  httpSpans("POST", "/orders", { ...ROUND, ...BROKEN, count: 9 }),
  httpSpans("POST", "/orders", { ...ROUND, count: 21 }),
  httpSpans("GET", "/orders/{id}", ROUND),
];

test.beforeAll(async ({ cluster, binnacle, sender }) => {
  test.setTimeout(900_000);
  const { kube } = cluster;
  shop = await freshNamespace(kube, "verdict");
  const of = (name: string, tag: string) =>
    deployment({ namespace: shop, name, replicas: 2, image: `registry.test/${name}:${tag}` });
  const send = async (pods: Obj[], spans: () => SpanGroup[], more: Partial<SpanGroup> = {}) => {
    for (const pod of pods) {
      const groups = spans().map((group) => ({ ...group, ...more }));
      await sender.send({ endpoint: binnacle.grpc, resource: resourceOf(pod), spans: groups });
    }
  };
  await rollOut(kube, of("checkout", "v1"), of("cart", "v1"));
  for (const name of ["checkout", "cart"]) await send(await podsOf(kube, shop, name), healthy, HOUR);
  await rollOut(kube, of("checkout", "v2"), of("cart", "v2"));
  const [checkout, cart] = [await podsWith(kube, "checkout", "v2"), await podsWith(kube, "cart", "v2")];
  [bad, good] = [await pathOf(binnacle, "checkout"), await pathOf(binnacle, "cart")];
  for (let until = Date.now() + 600_000, rounds = 1, done = false; Date.now() < until && !done; rounds += 1) {
    const next = Date.now() + 5_000;
    await send(checkout, failing);
    await send(cart, healthy);
    if (!tookRounds && BAD.includes((await levelOf(binnacle, bad)) ?? "")) tookRounds = rounds;
    done = tookRounds > 0 && (await levelOf(binnacle, good)) === "healthy";
    await sleep(Math.max(0, next - Date.now()));
  }
});

test("errors of a new image are called within two minutes of data", async ({ binnacle }) => {
  expect(BAD).toContain(await levelOf(binnacle, bad));
  // Two minutes of them, and what the last requests of a minute take to arrive; each round is five seconds.
  expect(tookRounds).toBeGreaterThan(0);
  expect(tookRounds).toBeLessThan(28);
});

test("the overview says it, and the way leads to evidence and difference", async ({ page }) => {
  await openTab(page, bad, "overview", "15m");
  await expect(page.getByTestId("sentence").first()).toContainText("POST /orders fails");
  const flag = page.getByTestId("chart-errors").getByTestId("deploy-flag").filter({ hasText: "v2" });
  await expect(flag).toHaveAttribute("data-level", /degraded|failed/);
  await page.getByTestId("see-evidence").click();
  const evidence = page.getByTestId("evidence");
  await expect(evidence).toContainText("POST /orders");
  const flagged = evidence.getByTestId("evidence-row").filter({ hasText: "Errors" }).first();
  await expect(flagged).toHaveAttribute("data-outcome", "worse");
  await expect(flagged).toContainText(/[\d,]+ \/ [\d,]+/);
  await expect(evidence.locator('[data-outcome="not flagged"]').first()).toBeVisible();
  const chart = page.getByTestId("chart-evidence");
  await expect(chart).toContainText("POST /orders");
  await expect(chart.locator(".legend li")).toContainText(["v1", "v2"]);
  await expect(chart.getByTestId("deploy-flag")).toHaveAttribute("data-level", /degraded|failed/);
  const diff = page.getByTestId("diff");
  await expect(diff).toContainText("registry.test/checkout:v1");
  await expect(diff).toContainText("registry.test/checkout:v2");
});

test("the harmless deploy is called healthy within ten minutes", async ({ page, binnacle }) => {
  expect(await levelOf(binnacle, good)).toBe("healthy");
  await openTab(page, good, "deploys", "15m");
  const verdict = page.locator('[data-testid="deploy-row"]:not([data-kind="first"])').getByTestId("verdict");
  await expect(verdict).toHaveAttribute("data-level", "healthy");
});

test("the catalog has the sentence and the deploy's dot", async ({ page }) => {
  await openCatalog(page, shop);
  const checkout = row(page, keyOf(shop, "Deployment", "checkout"));
  await expect(checkout.getByTestId("sentence")).toContainText("POST /orders fails");
  await expect(checkout.getByTestId("deploy-dot")).toHaveClass(/bad|warn/);
});

test("the feed lists both and filters by verdict", async ({ page }) => {
  await page.goto("/deploys");
  await hydrated(page);
  await filterBy(page, shop);
  const all = page.getByTestId("feed-row");
  await expect(all).toHaveCount(4);
  // Each began with a first revision, of which it is said that there is nothing to compare it with.
  const firsts = all.and(page.locator('[data-kind="first"]'));
  await expect(firsts.filter({ hasText: "nothing to be compared with" })).toHaveCount(2);
  const rows = all.and(page.locator(':not([data-kind="first"])'));
  await expect(rows).toHaveCount(2);
  const level = await rows.filter({ hasText: "checkout" }).getByTestId("verdict").getAttribute("data-level");
  await page.getByTestId(`level-${level}`).click();
  await expect(rows).toHaveCount(1);
  await rows.getByRole("link").click();
  await expect(page.getByTestId("evidence")).toBeVisible();
});
