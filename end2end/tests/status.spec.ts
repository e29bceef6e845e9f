// The status page: is work being done, and what is missing.
import type { Locator, Page } from "@playwright/test";
import { Binnacle } from "./support/binnacle";
import { expect, test } from "./support/fixtures";
import { httpSpans } from "./support/otel";
import { hydrated } from "./support/pages";
import { freePort } from "./support/process";

const RBAC = "rbac.authorization.k8s.io";
const WATCHED = [
  "deployments",
  "replicasets",
  "statefulsets",
  "daemonsets",
  "controllerrevisions",
  "jobs",
  "cronjobs",
  "pods",
  "nodes",
  "services",
  "endpointslices",
  "configmaps",
  "events",
];
const WORKING = /synced|following|watching/i;

/** The row of `pods` or `deployments` (`deployments.apps`). By attribute: cells have no space between their texts. */
function watcher(page: Page, resource: string): Locator {
  return page.locator(
    ["", "."].map((end) => `[data-testid="status-watcher"][data-resource${end ? "^" : ""}="${resource}${end}"]`).join(),
  ).first();
}

test("every watcher is shown and synced", async ({ page }) => {
  await page.goto("/status");
  await hydrated(page);
  for (const resource of WATCHED) {
    await expect(watcher(page, resource), resource).toContainText(WORKING);
  }
});

test("telemetry of nobody is shown with the reason", async ({ page, binnacle, sender }) => {
  const resource = { "service.name": "stranger-from-outside" };
  await sender.send({ endpoint: binnacle.grpc, resource, spans: [httpSpans("GET", "/", { count: 5 })] });
  await page.goto("/status");
  await hydrated(page);
  await expect(page.getByRole("main")).toContainText("stranger-from-outside");
});

test("a refused body is counted, with its reason", async ({ page, binnacle }) => {
  const answer = await fetch(`${binnacle.http}/v1/traces`, {
    method: "POST",
    headers: { "content-type": "application/x-protobuf" },
    body: "this is not a protobuf message",
  });
  expect(answer.status).toBe(400);
  await page.goto("/status");
  await hydrated(page);
  await expect(page.getByRole("main")).toContainText(/malformed|invalid|decode/i);
});

test("a missing right leaves the rest working, with the rule to add", async ({ page, cluster, guard }) => {
  const { kube } = cluster;
  const verbs = ["get", "list", "watch"];
  await kube.apply(
    {
      apiVersion: `${RBAC}/v1`,
      kind: "ClusterRole",
      metadata: { name: "partly" },
      rules: [
        { apiGroups: [""], resources: ["pods", "services", "configmaps", "namespaces"], verbs },
        { apiGroups: ["apps"], resources: ["*"], verbs },
        { apiGroups: ["batch"], resources: ["*"], verbs },
        { apiGroups: ["discovery.k8s.io"], resources: ["endpointslices"], verbs },
      ],
    },
    {
      apiVersion: `${RBAC}/v1`,
      kind: "ClusterRoleBinding",
      metadata: { name: "partly" },
      roleRef: { apiGroup: RBAC, kind: "ClusterRole", name: "partly" },
      subjects: [{ apiGroup: RBAC, kind: "User", name: "stranger" }],
    },
  );
  const other = new Binnacle({ kubeconfig: cluster.kubeconfigOf("stranger") });
  // Another origin than the fixture's.
  guard.allow(/request left the machine: http:\/\/127\.0\.0\.1:/);
  await other.start();
  try {
    await page.goto(`${other.url}/status`);
    await expect(watcher(page, "nodes")).toContainText(/403|forbidden|not allowed|no right/i);
    await expect(page.getByRole("main")).toContainText(/resources:.*nodes|nodes.*list/s);
    await expect(watcher(page, "pods")).toContainText(WORKING);
  } finally {
    await page.goto("about:blank");
    await other.stop();
    other.remove();
  }
});

test("without any cluster it says how to connect", async ({ page, guard }) => {
  const alone = new Binnacle();
  guard.allow(/request left the machine: http:\/\/127\.0\.0\.1:/);
  await alone.start();
  try {
    await page.goto(alone.url);
    await expect(page.getByRole("main")).toContainText(/--kubeconfig|KUBECONFIG/);
  } finally {
    await page.goto("about:blank");
    await alone.stop();
    alone.remove();
  }
});

test("a cluster that cannot be reached is connecting, with the reason", async ({ page, cluster, guard }) => {
  const nobody = await freePort();
  const lost = new Binnacle({ kubeconfig: cluster.kubeconfigOf("binnacle", `https://127.0.0.1:${nobody}`) });
  guard.allow(/request left the machine: http:\/\/127\.0\.0\.1:/);
  await lost.start("livez");
  try {
    expect((await fetch(`${lost.url}/readyz`)).status).toBe(503);
    await page.goto(lost.url);
    await expect(page.getByRole("main")).toContainText(/connecting/i);
    await expect(page.getByRole("main")).toContainText(/refused|connect/i);
  } finally {
    await page.goto("about:blank");
    await lost.stop();
    lost.remove();
  }
});
