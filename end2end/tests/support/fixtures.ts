// What every spec gets: one control plane, one Binnacle and one sender per worker,
// and a page that fails its test on any console error, CSP violation, hydration
// warning or request that leaves the machine.
import { type ConsoleMessage, expect, type Page, test as base } from "@playwright/test";
import { deployed } from "./access";
import { Binnacle, type Options } from "./binnacle";
import { type ControlPlane, startControlPlane } from "./controlplane";
import { Sender } from "./otel";

export interface Guard {
  problems: string[];
  /** For tests that stop a server: lost connections are then expected. */
  allow(pattern: RegExp): void;
}

interface PerTest {
  guard: Guard;
}

interface PerWorker {
  cluster: ControlPlane;
  binnacle: Binnacle;
  sender: Sender;
}

/** A Binnacle for as long as it is used; it has to stop cleanly, and what it kept is removed in any case. */
export async function serve(
  options: Options,
  use: (binnacle: Binnacle) => Promise<void>,
  probe: "readyz" | "livez" = "readyz",
): Promise<void> {
  const binnacle = new Binnacle(options);
  try {
    await binnacle.start(probe);
    await use(binnacle);
    await binnacle.stop();
  } finally {
    binnacle.remove();
  }
}

/** Without a page: for what needs no browser. The worker, and its cluster, are shared. */
export const harness = base.extend<object, PerWorker>({
  cluster: [
    async ({}, use) => {
      const cluster = await startControlPlane();
      await use(cluster);
      await cluster.stop();
    },
    { scope: "worker", timeout: 120_000 },
  ],
  binnacle: [
    async ({ cluster }, use) => serve({ kubeconfig: cluster.kubeconfig }, use),
    { scope: "worker", timeout: 120_000 },
  ],
  sender: [
    async ({}, use) => {
      const sender = new Sender();
      await use(sender);
      await sender.stop();
    },
    { scope: "worker" },
  ],
});

export const test = harness.extend<PerTest>({
  baseURL: async ({ binnacle }, use) => use(binnacle.url),
  guard: [
    async ({ page, baseURL }, use) => {
      const allowed: RegExp[] = [];
      const problems: string[] = [];
      await watch(page, baseURL ?? "", (problem) => problems.push(problem));
      await use({ problems, allow: (pattern) => allowed.push(pattern) });
      const left = problems.filter((problem) => !allowed.some((pattern) => pattern.test(problem)));
      expect(left, "what the browser complained about").toEqual([]);
    },
    { auto: true },
  ],
});

export const ACCOUNT = "system:serviceaccount:binnacle:binnacle";

/** With what deploy/ holds applied, kubelets that answer, and Binnacle as its account, whose requests are noted. */
export const installed = test.extend<object, PerWorker>({
  cluster: [
    async ({}, use) => {
      const cluster = await startControlPlane({ audit: ACCOUNT, kubelets: true });
      await cluster.kube.applyYaml(...deployed());
      await use(cluster);
      await cluster.stop();
    },
    { scope: "worker", timeout: 120_000 },
  ],
  binnacle: [
    async ({ cluster }, use) => {
      const kubeconfig = cluster.kubeconfigWith("account", await cluster.kube.tokenOf("binnacle", "binnacle"));
      await serve({ kubeconfig, args: ["--kubelet-interval=5s"] }, use);
    },
    { scope: "worker", timeout: 120_000 },
  ],
});

async function watch(page: Page, origin: string, report: (problem: string) => void): Promise<void> {
  page.on("console", (message) => {
    if (isProblem(message)) report(`console ${message.type()}: ${message.text()}`);
  });
  page.on("pageerror", (error) => report(`page error: ${error.message}`));
  page.on("dialog", (dialog) => {
    report(`dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  page.on("request", (request) => {
    const url = request.url();
    if (!url.startsWith(origin) && !/^(data|blob|about):/.test(url)) report(`request left the machine: ${url}`);
  });
  // Chromium prints violations as console errors; report-only ones only come here.
  await page.addInitScript(() => {
    addEventListener("securitypolicyviolation", (event) => {
      console.error(`CSP violation: ${event.violatedDirective} ${event.blockedURI}`);
    });
  });
}

function isProblem(message: ConsoleMessage): boolean {
  return message.type() === "error" || /hydrat|panicked|unreachable/i.test(message.text());
}

export { expect };
