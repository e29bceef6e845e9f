// What Kubernetes did to the service, in plain words.
import { expect, test } from "./support/fixtures";
import { currentPods, keyOf, openCatalog, openTab, row, servicePath } from "./support/pages";
import { deployment, FATE, freshNamespace, podsOf, rollOut } from "./support/workloads";

let shop: string;

test.beforeAll(async ({ cluster }) => {
  shop = await freshNamespace(cluster.kube, "kubernetes");
  await rollOut(cluster.kube, deployment({ namespace: shop, name: "cart", replicas: 3 }));
});

test("an OOM kill is an adverse event with its reason, live", async ({ page, cluster }) => {
  const { kube } = cluster;
  const key = keyOf(shop, "Deployment", "cart");
  const path = await servicePath(page, key);
  await openTab(page, path, "kubernetes");
  const [pod] = await podsOf(kube, shop, "cart");
  await kube.patch("Pod", shop, pod.metadata.name, { metadata: { annotations: { [FATE]: "oom" } } });
  // No reload: the page hears of it.
  const event = page.getByTestId("adverse-event").filter({ hasText: /OOM|out of memory|memory/i });
  await expect(event).toHaveCount(1);
  await expect(event).toContainText(pod.metadata.name);
  const killed = page.getByTestId("pod-row").filter({ hasText: pod.metadata.name });
  await expect(killed).toContainText("OOMKilled");
  await openTab(page, path, "overview");
  await expect(page.getByTestId("event-mark").first()).toBeAttached();
  await openCatalog(page, shop);
  await expect(row(page, key).getByTestId("health")).toHaveText(/degraded/i);
  await expect(row(page, key).getByTestId("sentence")).toHaveText(/OOM|memory/i);
});

test("pods and resources are those of the cluster", async ({ page, cluster }) => {
  const { kube } = cluster;
  const path = await servicePath(page, keyOf(shop, "Deployment", "cart"));
  await openTab(page, path, "kubernetes");
  const pods = await podsOf(kube, shop, "cart");
  await expect(currentPods(page)).toHaveCount(pods.length);
  for (const pod of pods) {
    const shown = page.getByTestId("pod-row").filter({ hasText: pod.metadata.name });
    await expect(shown).toContainText(pod.spec.nodeName);
  }
  const [set] = await kube.list("ReplicaSet", shop, "app=cart");
  await expect(page.getByTestId("resource-row").filter({ hasText: set.metadata.name }).first()).toBeVisible();
});

test("an image that cannot be pulled fails the service and is told once, with the next step", async ({ page, cluster }) => {
  await cluster.kube.apply(
    deployment({ namespace: shop, name: "search", image: "registry.test/missing:v7", replicas: 3 }),
  );
  const key = keyOf(shop, "Deployment", "search");
  await openCatalog(page, shop);
  await expect(row(page, key).getByTestId("health")).toHaveText(/failing/i);
  await openTab(page, await servicePath(page, key), "kubernetes");
  const event = page.getByTestId("adverse-event").filter({ hasText: "Image can't be pulled" });
  await expect(event).toContainText("3 pods / main");
  await expect(event).toHaveCount(1);
  await expect(event).toContainText("registry.test/missing:v7");
  await expect(event.getByTestId("next-step")).toBeVisible();
  // The timeline leads to it.
  const track = page.getByTestId("track").filter({ hasText: "Image can't be pulled" });
  await track.getByRole("link").click();
  await expect(page).toHaveURL(/#went-wrong-image-can-t-be-pulled$/);
  await event.getByText("Which pods").click();
  for (const pod of await podsOf(cluster.kube, shop, "search")) {
    await expect(event.getByText(pod.metadata.name)).toBeVisible();
  }
});

test("a crash loop counts its restarts and gives the exit code", async ({ page, cluster }) => {
  await cluster.kube.apply(
    deployment({ namespace: shop, name: "loop", replicas: 1, annotations: { [FATE]: "crash" } }),
  );
  const path = await servicePath(page, keyOf(shop, "Deployment", "loop"));
  await openTab(page, path, "kubernetes");
  const events = page.getByTestId("adverse-event");
  await expect(events.filter({ hasText: /crash/i }).first()).toBeVisible({ timeout: 30_000 });
  await expect(events.filter({ hasText: /exit(ed)?( with)?( code)? 1\b/i }).first()).toBeVisible();
});
