// What befalls pods beyond their own doing: a node that is lost, evictions; and a StatefulSet that rolls out in part.
import type { Page } from "@playwright/test";
import { isReady, node } from "./support/controlplane";
import { expect, installed as test } from "./support/fixtures";
import type { Obj } from "./support/kube";
import { currentPods, deployRows, keyOf, openTab, servicePath } from "./support/pages";
import { deployment, FATE, freshNamespace, hasSettled, podsOf, rollOut, statefulSet } from "./support/workloads";

let shop: string;

test.beforeAll(async ({ cluster }) => {
  shop = await freshNamespace(cluster.kube, "trouble");
});

const events = (page: Page) => page.getByTestId("adverse-event");

async function openKubernetes(page: Page, kind: string, name: string): Promise<void> {
  await openTab(page, await servicePath(page, keyOf(shop, kind, name)), "kubernetes");
}

/** On one node alone, which it leaves seconds after that is lost. */
function pinned(name: string, to: string): Obj {
  const made = deployment({ namespace: shop, name, replicas: 1 });
  Object.assign(made.spec.template.spec, {
    nodeSelector: { "kubernetes.io/hostname": to },
    tolerations: [{ key: "node.kubernetes.io/unreachable", operator: "Exists", effect: "NoExecute", tolerationSeconds: 3 }],
  });
  return made;
}

test("a node that is lost is told once, with all whom it hurt, until it is back", async ({ page, cluster }) => {
  const { kube } = cluster;
  const fated = (fate: string | null) => kube.patch("Node", undefined, "node-3", { metadata: { annotations: { [FATE]: fate } } });
  await kube.apply(node("node-3", "127.0.1.3"));
  await kube.wait("Node", undefined, "node-3", "ready", isReady);
  await rollOut(kube, pinned("cart", "node-3"), pinned("mail", "node-3"));
  const [pod] = await podsOf(kube, shop, "cart");
  await openKubernetes(page, "Deployment", "cart");
  await expect(currentPods(page)).toContainText("node-3");
  await fated("lost");
  const lost = events(page).filter({ hasText: "The node does not report any more: it is down or cut off." });
  await expect(lost).toContainText("node-3");
  await expect(lost).toContainText(/since \d\d:\d\d/);
  await expect(lost).toContainText(`It hurt ${pod.metadata.name}`, { timeout: 30_000 });
  // What became of the pod leads to its node.
  const evicted = events(page).filter({ hasText: "Its node was tainted" });
  await expect(evicted).toContainText(pod.metadata.name);
  await expect(evicted.getByTestId("event-node")).toHaveText("while node-3 was in trouble");
  await expect(lost).toHaveCount(1);
  await lost.getByTestId("hurt-service").filter({ hasText: "mail" }).click();
  await expect(page).toHaveURL(/\/mail\/kubernetes.*#node-node-3$/);
  await expect(lost.getByTestId("hurt-service")).toHaveText("cart");
  await fated(null);
  await kube.wait("Deployment", shop, "mail", "settled", hasSettled);
  await expect(lost).not.toContainText("since");
  await expect(currentPods(page)).toContainText("node-3");
  await kube.delete("Node", undefined, "node-3");
});

test("an eviction says who put the pod out and why", async ({ page, cluster }) => {
  const { kube } = cluster;
  await rollOut(kube, deployment({ namespace: shop, name: "search", replicas: 2 }));
  const [pressed, drained] = await podsOf(kube, shop, "search");
  await openKubernetes(page, "Deployment", "search");
  await kube.patch("Pod", shop, pressed.metadata.name, { metadata: { annotations: { [FATE]: "evict" } } });
  const ofPod = (pod: Obj) => events(page).filter({ hasText: pod.metadata.name });
  await expect(ofPod(pressed)).toContainText("Its node put it out: The node was low on resource: memory.");
  await expect(page.getByTestId("pod-row").filter({ hasText: pressed.metadata.name })).toContainText("Evicted");
  await kube.evict(drained);
  await expect(ofPod(drained)).toContainText("Was asked to leave its node, usually because the node is drained.");
  // Others took their places.
  await kube.wait("Deployment", shop, "search", "settled", hasSettled);
  await expect(currentPods(page).filter({ hasText: /ready/ })).toHaveCount(2);
});

test("a StatefulSet that rolls out in part says so, and which pods are new", async ({ page, cluster }) => {
  const { kube } = cluster;
  const db = (tag: string, partition: number): Obj => {
    const made = statefulSet({ namespace: shop, name: "db", replicas: 3, image: `registry.test/db:${tag}` });
    made.spec.podManagementPolicy = "Parallel";
    made.spec.updateStrategy = { type: "RollingUpdate", rollingUpdate: { partition } };
    return made;
  };
  await rollOut(kube, db("v1", 0));
  await openKubernetes(page, "StatefulSet", "db");
  const revision = (pod: string) => currentPods(page).filter({ hasText: pod }).getByRole("cell").nth(2);
  await expect(revision("db-2")).toHaveText("v1");
  await kube.apply(db("v2", 2));
  await expect(revision("db-2")).toHaveText("v2");
  for (const pod of ["db-0", "db-1"]) await expect(revision(pod)).toHaveText("v1");
  const path = page.url().replace(/\/kubernetes.*/, "");
  await openTab(page, path, "deploys");
  await expect(deployRows(page)).toContainText("partition 2: pods with a lower number keep the old revision");
  await kube.apply(db("v2", 0));
  await kube.wait("StatefulSet", shop, "db", "settled", hasSettled);
  await expect(deployRows(page)).toContainText(/settled \d/);
  await expect(deployRows(page)).toHaveCount(1);
  await openTab(page, path, "kubernetes");
  for (const pod of ["db-0", "db-1", "db-2"]) await expect(revision(pod)).toHaveText("v2");
});
