// Deploys: what changed, what it was called, and none of them missed.
import type { Page } from "@playwright/test";
import { expect, test } from "./support/fixtures";
import type { Kube, Obj } from "./support/kube";
import { currentPods, deployRows, keyOf, openCatalog, openTab, row, servicePath } from "./support/pages";
import { sleep } from "./support/process";
import {
  configMap,
  daemonSet,
  deployment,
  freshNamespace,
  hasSettled,
  podsOf,
  READY_AFTER,
  rollOut,
  statefulSet,
  type Workload,
} from "./support/workloads";

let shop: string;

test.beforeAll(async ({ cluster }) => {
  shop = await freshNamespace(cluster.kube, "deploys");
});

/** Opens the Deploys tab and waits until it has so many rows, newest first. */
async function deploysOf(page: Page, kind: string, name: string, count: number) {
  await openTab(page, await servicePath(page, keyOf(shop, kind, name)), "deploys", "1h");
  const rows = deployRows(page);
  await expect(rows).toHaveCount(count);
  return rows;
}

/** Rolls the workload through versions; the watcher sees each one. */
async function roll(kube: Kube, of: Workload, ...versions: Partial<Workload>[]) {
  for (const version of versions) {
    await rollOut(kube, deployment({ ...of, ...version }));
    await sleep(1_000);
  }
}

/** The ControllerRevision that a StatefulSet or DaemonSet made last. */
async function newestRevision(kube: Kube, name: string): Promise<Obj> {
  const revisions = await kube.list("ControllerRevision", shop, `app=${name}`);
  return revisions.reduce((newest, each) => (each.revision > newest.revision ? each : newest));
}

const image = (name: string, tag: string) => ({ image: `registry.test/${name}:${tag}` });

test("a rollback is named so", async ({ page, cluster }) => {
  const web = { namespace: shop, name: "web" };
  await roll(cluster.kube, web, image("web", "v1"), image("web", "v2"), image("web", "v1"));
  const rows = await deploysOf(page, "Deployment", "web", 2);
  await expect(rows.first()).toHaveAttribute("data-rollback", "true");
  await expect(rows.first()).toContainText(/roll(ed )?back/i);
  await expect(rows.first()).toContainText("v1");
  await expect(rows.last()).toHaveAttribute("data-rollback", "false");
  await expect(rows.last()).toContainText("v2");
});

test("a restart, a config change and a change of resources are told apart", async ({ page, cluster }) => {
  const api = { namespace: shop, name: "api", ...image("api", "v1") };
  const restarted = { annotations: { "kubectl.kubernetes.io/restartedAt": new Date().toISOString() } };
  const configured = { ...restarted, env: { CACHE_SIZE: "64" } };
  await roll(cluster.kube, api, {}, restarted, configured, { ...configured, memory: "128Mi" });
  const rows = await deploysOf(page, "Deployment", "api", 3);
  await expect(rows.nth(0)).toHaveAttribute("data-kind", "resources");
  await expect(rows.nth(1)).toHaveAttribute("data-kind", "config");
  await expect(rows.nth(2)).toHaveAttribute("data-kind", "restart");
});

test("a config diff shows what the value was and is", async ({ page, cluster }) => {
  const mail = { namespace: shop, name: "mail" };
  await roll(cluster.kube, mail, { env: { BATCH_SIZE: "10" } }, { env: { BATCH_SIZE: "5000" } });
  const rows = await deploysOf(page, "Deployment", "mail", 1);
  await expect(rows.first()).toHaveAttribute("data-kind", "config");
  if (!(await rows.first().innerText()).includes("BATCH_SIZE")) await rows.first().click();
  for (const text of ["BATCH_SIZE", "10", "5000"]) {
    await expect(page.getByRole("main")).toContainText(text);
  }
});

test("any two revisions are compared, with what is different in them", async ({ page, cluster }) => {
  const cart = { namespace: shop, name: "cart" };
  await roll(cluster.kube, cart, image("cart", "v1"), image("cart", "v2"), image("cart", "v3"));
  await deploysOf(page, "Deployment", "cart", 2);
  const rows = page.getByTestId("revision-row");
  await expect(rows).toHaveCount(3);
  await expect(rows.first()).toContainText("v3");
  await expect(rows.first()).toContainText("current");
  // The other one is the current one.
  await rows.filter({ hasText: "v1" }).getByTestId("pick-old").click();
  const comparison = page.getByTestId("comparison");
  await expect(comparison.getByRole("heading", { level: 2 }).first()).toHaveText(/v1 → v3/);
  await expect(page).toHaveURL(/compare=[^&]+\.\.[^&]+/);
  const diff = comparison.getByTestId("comparison-diff");
  const line = (kind: "removed" | "added", tag: string) =>
    diff.locator(`tr.${kind}`).filter({ hasText: `registry.test/cart:${tag}` });
  await expect(line("removed", "v1")).toHaveCount(1);
  await expect(line("added", "v3")).toHaveCount(1);
  await expect(comparison.getByTestId("comparison-notes")).toContainText("v3 served no request");
  await comparison.getByTestId("by-clock").click();
  await expect(comparison.getByTestId("by-clock")).toHaveAttribute("aria-current", "true");
  await expect(page).toHaveURL(/by=clock/);
  await rows.filter({ hasText: "v2" }).getByTestId("pick-new").click();
  await expect(comparison.getByRole("heading", { level: 2 }).first()).toHaveText(/v1 → v2/);
  await expect(line("added", "v2")).toHaveCount(1);
  await expect(diff).not.toContainText("registry.test/cart:v3");
  // A deploy leads to the two that it is about, each in its own run.
  await deployRows(page).first().getByRole("link").first().click();
  await page.getByTestId("compare-deploy").click();
  await expect(comparison.getByRole("heading", { level: 2 }).first()).toHaveText(/v2 → v3/);
  await expect(page).toHaveURL(/compare=[^&]+@\d+\.\.[^&]+@\d+/);
});

test("scaling is not a deploy", async ({ page, cluster }) => {
  const jobs = { namespace: shop, name: "jobs" };
  await roll(cluster.kube, jobs, { replicas: 1 }, { replicas: 3 }, { replicas: 2 });
  await deploysOf(page, "Deployment", "jobs", 0);
});

test("stateful and daemon sets deploy too", async ({ page, cluster }) => {
  const { kube } = cluster;
  for (const tag of ["v1", "v2"]) {
    await rollOut(
      kube,
      statefulSet({ namespace: shop, name: "db", ...image("db", tag) }),
      daemonSet({ namespace: shop, name: "agent", ...image("agent", tag) }),
    );
    await sleep(1_000);
  }
  for (const [kind, name] of [
    ["StatefulSet", "db"],
    ["DaemonSet", "agent"],
  ]) {
    const rows = await deploysOf(page, kind, name, 1);
    await expect(rows.first()).toContainText("v2");
    await expect(rows.first()).toHaveAttribute("data-kind", "image");
    await expect(rows.first()).toContainText(/settled \d/);
    await openTab(page, await servicePath(page, keyOf(shop, kind, name)), "kubernetes");
    const pods = await podsOf(kube, shop, name);
    expect(pods, kind).toHaveLength(2);
    await expect(currentPods(page)).toHaveCount(pods.length);
    const newest = await newestRevision(kube, name);
    for (const pod of pods) {
      const shown = currentPods(page).filter({ hasText: pod.metadata.name });
      await expect(shown.getByRole("cell").nth(2), pod.metadata.name).toHaveText("v2");
      // By which pod and revision find each other: a StatefulSet writes the whole name, a DaemonSet the hash alone.
      const label = pod.metadata.labels["controller-revision-hash"];
      expect(kind === "StatefulSet" ? label : `${name}-${label}`).toBe(newest.metadata.name);
      expect(newest.metadata.name).toMatch(new RegExp(`^${name}-[a-z0-9]+$`));
    }
  }
});

test("a deploy that happened while Binnacle was stopped is reconstructed", async ({ page, cluster, binnacle }) => {
  const { kube } = cluster;
  const basket = { namespace: shop, name: "basket" };
  await roll(kube, basket, image("basket", "v1"));
  await deploysOf(page, "Deployment", "basket", 0);
  await page.goto("about:blank");
  await binnacle.stop();
  await rollOut(kube, deployment({ ...basket, ...image("basket", "v2") }));
  const sets = await kube.list("ReplicaSet", shop, "app=basket");
  expect(sets).toHaveLength(2);
  await binnacle.start();
  const rows = await deploysOf(page, "Deployment", "basket", 1);
  await expect(rows.first()).toHaveAttribute("data-reconstructed", "true");
  await expect(rows.first()).toContainText(/reconstructed/i);
  await expect(rows.first()).toContainText("v2");
});

test("a Deployment deleted while Binnacle was stopped has no row", async ({ page, cluster, binnacle }) => {
  const { kube } = cluster;
  await rollOut(kube, deployment({ namespace: shop, name: "left" }), deployment({ namespace: shop, name: "stays" }));
  const [left, stays] = ["left", "stays"].map((name) => row(page, keyOf(shop, "Deployment", name)));
  await openCatalog(page, shop);
  await expect(left).toBeVisible();
  await expect(stays).toBeVisible();
  await page.goto("about:blank");
  await binnacle.stop();
  await kube.delete("Deployment", shop, "left");
  await expect.poll(() => kube.list("Pod", shop, "app=left"), { timeout: 60_000 }).toEqual([]);
  await binnacle.start();
  await openCatalog(page, shop);
  await expect(stays).toBeVisible();
  await expect(left).toHaveCount(0);
});

test("a deploy seen once is not told twice after a restart", async ({ page, cluster, binnacle }) => {
  const stock = { namespace: shop, name: "stock" };
  await roll(cluster.kube, stock, image("stock", "v1"), image("stock", "v2"));
  await deploysOf(page, "Deployment", "stock", 1);
  await page.goto("about:blank");
  await binnacle.restart();
  await binnacle.restart();
  const rows = await deploysOf(page, "Deployment", "stock", 1);
  await expect(rows.first()).toHaveAttribute("data-reconstructed", "false");
});

test("the API server restarts during a rollout: nothing lost, no ghost", async ({ page, cluster, guard }) => {
  const { kube } = cluster;
  const ship = { namespace: shop, name: "ship", replicas: 3, annotations: { [READY_AFTER]: "2s" } };
  await rollOut(kube, deployment({ ...ship, ...image("ship", "v1") }), deployment({ namespace: shop, name: "doomed" }));
  await deploysOf(page, "Deployment", "ship", 0);
  await kube.apply(deployment({ ...ship, ...image("ship", "v2") }));
  guard.allow(/connecting|503/);
  await cluster.restartApiServer(2_000);
  await kube.delete("Deployment", shop, "doomed");
  await kube.wait("Deployment", shop, "ship", "settled", hasSettled);
  const rows = await deploysOf(page, "Deployment", "ship", 1);
  await expect(rows.first()).toContainText("v2");
  await openCatalog(page, shop);
  await expect(page.locator(`[data-service="${keyOf(shop, "Deployment", "doomed")}"]`)).toHaveCount(0);
  // Every Deployment there is has one row, and no other row exists.
  const wanted = (await kube.list("Deployment", shop)).map((each) => keyOf(shop, "Deployment", each.metadata.name));
  const shown = () =>
    page
      .locator(`[data-testid="catalog-row"][data-service^="${shop}/Deployment/"]`)
      .evaluateAll((all) => all.map((each) => each.getAttribute("data-service")).toSorted());
  await expect.poll(shown).toEqual(wanted.toSorted());
  // So it is with pods.
  await openTab(page, await servicePath(page, keyOf(shop, "Deployment", "ship")), "kubernetes");
  const pods = await cluster.kube.list("Pod", shop, "app=ship");
  await expect(currentPods(page)).toHaveCount(pods.length);
  for (const pod of pods) {
    await expect(currentPods(page).filter({ hasText: pod.metadata.name })).toHaveCount(1);
  }
});

test("an edited ConfigMap is a change of its own until pods roll", async ({ page, cluster }) => {
  const { kube } = cluster;
  const rules = { namespace: shop, name: "rules", configMap: "rules" };
  await kube.apply(configMap(shop, "rules", { LIMIT: "10" }));
  await roll(kube, rules, {});
  await kube.apply(configMap(shop, "rules", { LIMIT: "20" }));
  await sleep(1_000);
  await deploysOf(page, "Deployment", "rules", 0);
});
