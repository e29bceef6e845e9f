// Logs that Binnacle reads itself, from the API server: lines come as they are
// written, and where some are missing a row among them says since when and why.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Binnacle } from "./support/binnacle";
import { test as base, expect, serve } from "./support/fixtures";
import { hydrated, keyOf, servicePath } from "./support/pages";
import { PodLog, withPodLog } from "./support/podlog";
import { simulate } from "./support/simulator";

const log = new PodLog();

const talker = {
  nodes: 1,
  services: [{ namespace: "shop", name: "talker", image: "registry.test/talker", tags: ["v1"], replicas: 1, routes: [{ name: "GET /" }] }],
};

const test = base.extend<object, { binnacle: Binnacle }>({
  binnacle: [
    async ({}, use) => {
      const folder = mkdtempSync(join(tmpdir(), "binnacle-talker-"));
      await simulate({ scenario: talker, rate: 0 }, async (simulated) => {
        const text = readFileSync(simulated, "utf8");
        const upstream = /server: "?(http:[^\s"]+)/.exec(text)?.[1] ?? "";
        await withPodLog(upstream, "talker-", log, async (address) => {
          const kubeconfig = join(folder, "kubeconfig");
          writeFileSync(kubeconfig, text.replace(upstream, address));
          await serve({ kubeconfig }, use);
        });
      });
      rmSync(folder, { recursive: true, force: true });
    },
    { scope: "worker", timeout: 90_000 },
  ],
});

test("lines that are missing of a pod's log are told where they would stand", async ({ page }) => {
  await page.goto(`${await servicePath(page, keyOf("shop", "Deployment", "talker"))}/logs`);
  await hydrated(page);
  const lines = page.getByTestId("log-line");
  const gaps = page.getByTestId("log-gap");
  log.say("first", "second");
  await expect(lines).toHaveCount(2);
  await expect(gaps).toHaveCount(0);

  log.cut();
  log.say("after the cut");
  await expect(lines).toHaveCount(3);
  await expect(gaps).toHaveText(/talker-.*no logs from \d\d:\d\d:\d\d to \d\d:\d\d:\d\d: stream was lost/);
  const rows = page.getByTestId("log-lines").locator(":scope > *");
  await expect(rows).toContainText(["after the cut", "stream was lost", "second", "first"]);
  await expect(page.getByTestId("chart-logs"), "a gap is no line").toContainText("3");

  log.say(...Array.from({ length: 6_000 }, (_, n) => `too much ${n}`));
  await expect(rows.first()).toContainText("too much");
  // The gap is told with the next line that is kept.
  await expect(async () => {
    log.say("calm again");
    await expect(gaps.first()).toContainText(/no logs from .*: \d+ lines left out, over 500 a second/, { timeout: 3_000 });
  }).toPass();
  await expect(rows.first()).toContainText("calm again");
});
