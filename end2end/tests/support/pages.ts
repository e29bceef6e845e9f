// The screen in the tests' words: where things are and how to read them. Every
// test id used by the specs that is more than a word is built here.
import { expect, type Locator, type Page } from "@playwright/test";

export type Tab = "overview" | "traces" | "logs" | "metrics" | "profiles" | "kubernetes" | "deploys";
export const TABS: Tab[] = ["overview", "traces", "logs", "metrics", "profiles", "kubernetes", "deploys"];

/** `namespace/Kind/name`, as the catalog's rows carry it. */
export function keyOf(namespace: string, kind: string, name: string): string {
  return `${namespace}/${kind}/${name}`;
}

export function row(page: Page, key: string): Locator {
  return page.locator(`[data-testid="catalog-row"][data-service="${key}"]`);
}

/** Pods that exist now: the tab also lists those that ended in the range. */
export function currentPods(page: Page): Locator {
  return page.locator('[data-testid="pod-row"]:not([data-ended="true"])');
}

/** Deploys without a service's first revision, which is listed but moved nothing. */
export function deployRows(page: Page): Locator {
  return page.locator('[data-testid="deploy-row"]:not([data-kind="first"])');
}

/** Filters by the text (the catalog windows, so a row may be far down). */
export async function filterBy(page: Page, text: string): Promise<void> {
  await page.getByTestId("filter").fill(text);
}

export async function openCatalog(page: Page, filter: string): Promise<void> {
  await page.goto("/");
  await hydrated(page);
  await filterBy(page, filter);
}

/** The service's own address without a tab: `/services/<cluster>/<ns>/<kind>/<name>`. */
export async function servicePath(page: Page, key: string): Promise<string> {
  await openCatalog(page, key.split("/")[0]);
  const link = row(page, key).locator('a[href*="/services/"]').first();
  const href = (await link.getAttribute("href")) ?? "";
  return href.split("?")[0].replace(/\/(overview|traces|logs|metrics|profiles|kubernetes|deploys)$/, "");
}

export async function openTab(page: Page, path: string, tab: Tab, range = "5m"): Promise<void> {
  await page.goto(`${path}/${tab}?range=${range}`);
  await hydrated(page);
}

/** Events are attached and the live stream is up: from here on clicks count. */
export async function hydrated(page: Page): Promise<void> {
  await expect(page.getByTestId("live")).toHaveAttribute("data-state", "live");
}

/** Marks the document: a later full load loses the mark. */
export async function markDocument(page: Page): Promise<void> {
  await page.evaluate(() => Object.assign(window, { sameDocument: true }));
}

export function isSameDocument(page: Page): Promise<boolean> {
  return page.evaluate(() => "sameDocument" in window);
}

/** Where something stands on its chart, in percent of the plot's width. */
export async function leftOf(mark: Locator): Promise<number> {
  const style = (await mark.getAttribute("style")) ?? "";
  return Number(/left:\s*([\d.]+)%/.exec(style)?.[1] ?? Number.NaN);
}

/** Where a chart's lines leave the ground for good, in percent of the plot's width. */
export function riseOf(chart: Locator): Promise<number> {
  return chart.evaluate((element) => {
    const svg = element.querySelector("svg");
    const width = svg?.viewBox.baseVal.width ?? 0;
    const points: [number, number][] = [];
    for (const shape of element.querySelectorAll("path")) {
      let [x, y] = [0, 0];
      for (const [, command, rest] of (shape.getAttribute("d") ?? "").matchAll(/([MlHV])([^MlHVZ]*)/g)) {
        const numbers = (rest.match(/-?\d+/g) ?? []).map(Number);
        if (command === "H") [x] = numbers;
        if (command === "V") [y] = numbers;
        if (command === "M") [x, y] = numbers;
        if (command !== "l") points.push([x, y]);
        else for (let at = 0; at + 1 < numbers.length; at += 2) points.push([(x += numbers[at]), (y += numbers[at + 1])]);
      }
    }
    // y grows downwards: the ground is the greatest y, a peak the least.
    const ground = Math.max(...points.map(([, y]) => y));
    const peak = Math.min(...points.map(([, y]) => y));
    const raised = points.filter(([, y]) => y < ground - (ground - peak) * 0.2).map(([x]) => x);
    return (Math.min(...raised) / width) * 100;
  });
}

/** The share of the page that moved by itself since it was opened, summed over its moves (Cumulative Layout Shift). */
export function layoutShift(page: Page): Promise<number> {
  return page.evaluate(() => new Promise<number>((resolve) => {
    let sum = 0;
    const add = (entries: PerformanceEntryList) => {
      for (const entry of entries as (PerformanceEntry & { value: number; hadRecentInput: boolean })[]) {
        if (!entry.hadRecentInput) sum += entry.value;
      }
    };
    const observer = new PerformanceObserver((list) => add(list.getEntries()));
    observer.observe({ type: "layout-shift", buffered: true });
    // What was before is told in a task of its own.
    setTimeout(() => {
      add(observer.takeRecords());
      observer.disconnect();
      resolve(sum);
    }, 200);
  }));
}
