// Profiles of a real profiler's SDK: the flame graph says where the time goes, and what a deploy changed.
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Page } from "@playwright/test";
import { expect, test } from "./support/fixtures";
import type { Obj } from "./support/kube";
import { hydrated, keyOf, servicePath } from "./support/pages";
import { python } from "./support/tools";
import { deployment, freshNamespace, podsOf, rollOut } from "./support/workloads";

const script = join(import.meta.dirname, "support/profiled.py");
let key = "";

/** An application that is busy for some seconds in a pod's name. Its SDK sends every ten seconds and at its end. */
async function profile(http: string, pod: Obj, revision: "fast" | "slow") {
  const tags = { namespace: pod.metadata.namespace, pod: pod.metadata.name };
  await promisify(execFile)(python(), [script, http, "orders", JSON.stringify(tags), "12", revision]);
}

test.beforeAll(async ({ cluster, binnacle }) => {
  const shop = await freshNamespace(cluster.kube, "profiles");
  for (const [tag, revision] of [["v1", "fast"], ["v2", "slow"]] as const) {
    const image = `registry.test/orders:${tag}`;
    await rollOut(cluster.kube, deployment({ namespace: shop, name: "orders", replicas: 1, image }));
    const [pod] = await podsOf(cluster.kube, shop, "orders");
    await profile(binnacle.http, pod, revision);
  }
  key = keyOf(shop, "Deployment", "orders");
});

const frame = (page: Page, name: string) => page.locator(".flame .box").filter({ hasText: name }).first();

async function open(page: Page, words = "") {
  await page.goto(`${await servicePath(page, key)}/profiles${words}`);
  await hydrated(page);
}

test("frames are zoomed, found and told, all in the address", async ({ page }) => {
  await open(page);
  await expect(page.getByTestId("profile")).toContainText(/CPU time.*cores on average/);
  await frame(page, "tax_order").hover();
  await expect(page.getByTestId("flame-told")).toContainText(/tax_order.*of all/);
  await frame(page, "take_order").click();
  await expect(page).toHaveURL(/at=[0-9a-f]+/);
  await expect(page.getByTestId("flame-crumbs")).toContainText("take_order");
  await page.reload();
  await hydrated(page);
  await expect(page.getByTestId("flame-crumbs")).toContainText("take_order");
  await page.getByTestId("flame-crumbs").getByRole("link", { name: "All" }).click();
  await expect(page).not.toHaveURL(/at=/);
  await page.getByTestId("filter").fill("add_up");
  await expect(page.getByTestId("matched")).toContainText("%");
  await expect(page.getByTestId("function").first()).toContainText("add_up");
  await expect(frame(page, "price_order")).toHaveClass(/dim/);
});

test("what a deploy made slower is told by share", async ({ page }) => {
  await open(page);
  await page.getByRole("combobox", { name: "Compare with" }).selectOption("Newest deploy");
  await expect(page).toHaveURL(/against=deploy/);
  await expect(page.getByTestId("compared")).toContainText(/v2.*v1/);
  await expect(frame(page, "tax_order")).toHaveClass(/worse/);
  await expect(frame(page, "price_order")).toHaveClass(/better/);
  const row = page.getByTestId("function").filter({ hasText: "tax_order" });
  await expect(row.locator(".change")).toHaveText(/^\+\d+/);
});

test("the keys go through the graph", async ({ page }) => {
  await open(page);
  const graph = page.getByTestId("flame");
  await graph.focus();
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("ArrowDown");
  const told = await page.getByTestId("flame-told").locator("strong").innerText();
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(/at=/);
  await expect(page.getByTestId("flame-crumbs").locator("strong")).toHaveText(told);
  await page.getByTestId("flame").focus();
  await page.keyboard.press("Escape");
  await expect(page).not.toHaveURL(/at=/);
});

test("a phone shows it without scrolling sideways", async ({ page }) => {
  await page.setViewportSize({ width: 390, height: 844 });
  await open(page, "?against=deploy");
  await expect(frame(page, "take_order")).toBeVisible();
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  expect(wide).toBeLessThanOrEqual(0);
});
