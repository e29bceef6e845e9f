// Every resource of a service, by reference; its text, its history and differences; the tab as of a past moment.
import type { Page } from "@playwright/test";
import { expect, test } from "./support/fixtures";
import type { Obj } from "./support/kube";
import { hydrated, keyOf, openCatalog, openTab, row, servicePath } from "./support/pages";
import { deployment, freshNamespace, hasSettled, rollOut } from "./support/workloads";

let shop: string;
let path: string;

/** `web` as Helm would bring it, with what it mounts, reads and runs as. */
function web(image = "registry.test/web:v1", replicas = 2): Obj {
  const made = deployment({ namespace: shop, name: "web", image, replicas });
  Object.assign(made.metadata, {
    labels: {
      ...made.metadata.labels,
      "app.kubernetes.io/managed-by": "Helm",
      "app.kubernetes.io/instance": "shop",
      "helm.sh/chart": "web-1.2.0",
    },
  });
  const { spec } = made.spec.template;
  spec.serviceAccountName = "web";
  spec.containers[0].envFrom = [{ secretRef: { name: "database", optional: true } }];
  spec.containers[0].env = [{ name: "LOG_LEVEL", value: "info" }];
  return made;
}

function around(): Obj[] {
  const of = (apiVersion: string, kind: string, name: string, rest: Obj) => ({
    apiVersion,
    kind,
    metadata: { namespace: shop, name },
    ...rest,
  });
  const labels = { app: "web" };
  const group = "rbac.authorization.k8s.io";
  const target = { apiVersion: "apps/v1", kind: "Deployment", name: "web" };
  const backend = { service: { name: "web", port: { number: 80 } } };
  return [
    of("v1", "ServiceAccount", "web", {}),
    of("v1", "Service", "web", { spec: { selector: labels, ports: [{ port: 80 }] } }),
    of("networking.k8s.io/v1", "Ingress", "front", {
      spec: { rules: [{ host: "shop.test", http: { paths: [{ path: "/", pathType: "Prefix", backend }] } }] },
    }),
    of("networking.k8s.io/v1", "NetworkPolicy", "web-only", { spec: { podSelector: { matchLabels: labels } } }),
    of("policy/v1", "PodDisruptionBudget", "web", { spec: { minAvailable: 1, selector: { matchLabels: labels } } }),
    of("autoscaling/v2", "HorizontalPodAutoscaler", "web", {
      spec: { scaleTargetRef: target, minReplicas: 2, maxReplicas: 5 },
    }),
    of(`${group}/v1`, "Role", "reads", {
      rules: [{ apiGroups: [""], resources: ["configmaps"], verbs: ["get"] }],
    }),
    of(`${group}/v1`, "RoleBinding", "web-reads", {
      roleRef: { apiGroup: group, kind: "Role", name: "reads" },
      subjects: [{ kind: "ServiceAccount", name: "web", namespace: shop }],
    }),
  ];
}

test.beforeAll(async ({ cluster }) => {
  const { kube } = cluster;
  shop = await freshNamespace(kube, "resources");
  await kube.apply(...around());
  await rollOut(kube, web());
});

test.beforeEach(async ({ page }) => {
  path ??= await servicePath(page, keyOf(shop, "Deployment", "web"));
});

const rowOf = (page: Page, kind: string, name: string) =>
  page.locator(`[data-testid="resource-row"][data-kind="${kind}"]`).filter({ hasText: name });
const resource = (page: Page) => page.getByTestId("resource");
const version = (page: Page, kind: string) => page.locator(`[data-testid="version"][data-kind="${kind}"]`);

test("everything that belongs to a service is there, Secrets by name only", async ({ page }) => {
  await openTab(page, path, "kubernetes");
  const wanted: [kind: string, name: string, state: RegExp][] = [
    ["Deployment", "web", /2\/2 ready/],
    ["Service", "web", /2 endpoints/],
    ["Ingress", "front", /shop\.test/],
    ["NetworkPolicy", "web-only", /Ingress/],
    ["PodDisruptionBudget", "web", /1 pod may be evicted/],
    ["HorizontalPodAutoscaler", "web", /2–5 replicas/],
    ["ServiceAccount", "web", /./],
    ["RoleBinding", "web-reads", /gives Role reads/],
    ["Role", "reads", /1 rule/],
    ["Secret", "database", /by name only/],
    ["Helm release", "shop", /chart web-1\.2\.0/],
  ];
  for (const [kind, name, state] of wanted) await expect(rowOf(page, kind, name).first()).toContainText(state);
  await expect(rowOf(page, "Secret", "database").getByTestId("resource-link")).toHaveCount(0);
});

test("a resource opens with its text, which folds, is searched and is copied", async ({ page }) => {
  await openTab(page, path, "kubernetes");
  await rowOf(page, "Deployment", "web").first().getByTestId("resource-link").click();
  await expect(resource(page)).toBeVisible();
  const yaml = resource(page).getByTestId("yaml");
  await expect(yaml).toContainText("registry.test/web:v1");
  await expect(yaml).not.toContainText("managedFields");
  await resource(page).getByTestId("fold-all").click();
  await expect(yaml.getByText("registry.test/web:v1")).toBeHidden();
  await resource(page).getByTestId("yaml-search").fill("WEB:v1");
  await expect(resource(page).getByTestId("yaml-hits")).toHaveText("1 line");
  await expect(yaml.locator("mark")).toHaveText("web:v1");
  await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
  await resource(page).getByTestId("copy").click();
  await expect(resource(page).getByTestId("copy")).toHaveText("Copied");
  // All of it, whatever is folded or searched.
  const copied = await page.evaluate(() => navigator.clipboard.readText());
  expect(copied).toContain("    app.kubernetes.io/instance: shop\n");
  expect(copied).toContain("          image: registry.test/web:v1\n");
  await resource(page).getByTestId("close").click();
  await expect(resource(page)).toBeHidden();
});

test("history says who changed what, scaling apart; two versions are compared in two ways, live", async ({
  page,
  cluster,
}) => {
  const { kube } = cluster;
  await page.goto(`${path}/kubernetes?range=5m&resource=Deployment/web`);
  await hydrated(page);
  await expect(version(page, "first")).toHaveCount(1);
  await kube.apply(web("registry.test/web:v2"));
  await kube.wait("Deployment", shop, "web", "settled", hasSettled);
  const changed = version(page, "changed");
  await expect(changed).toHaveCount(1);
  await expect(changed).toContainText("end2end");
  await expect(changed).toContainText("web:v1 → v2");
  await kube.apply(web("registry.test/web:v2", 3));
  await expect(version(page, "scaled")).toHaveText(/2 → 3 replicas/);
  await expect(changed).toHaveCount(1);
  await resource(page).getByTestId("view-diff").click();
  const diff = resource(page).getByTestId("diff");
  await expect(diff.locator("tr.removed")).toHaveText(/registry\.test\/web:v1/);
  await expect(diff.locator("tr.added")).toHaveText(/registry\.test\/web:v2/);
  await expect(diff).not.toContainText("replicas");
  await resource(page).getByTestId("view-split").click();
  const replaced = diff.locator("tr").filter({ has: page.locator("td.removed") });
  await expect(replaced).toHaveText(/web:v1.*web:v2/s);
  // The first version, in its own words.
  await version(page, "first").getByTestId("show").click();
  await resource(page).getByTestId("view-yaml").click();
  await expect(resource(page).getByTestId("yaml")).toContainText("registry.test/web:v1");
});

test("an open resource has the focus, and Escape or a click beside it gives that back", async ({ page }) => {
  await openTab(page, path, "kubernetes");
  const link = rowOf(page, "Deployment", "web").first().getByTestId("resource-link");
  await link.focus();
  await page.keyboard.press("Enter");
  await expect(resource(page).getByTestId("close")).toBeFocused();
  await page.keyboard.press("Escape");
  await expect(resource(page)).toBeHidden();
  await expect(page).not.toHaveURL(/resource=/);
  await expect(link).toBeFocused();
  await link.click();
  await expect(resource(page)).toBeVisible();
  await page.getByTestId("backdrop").click({ position: { x: 5, y: 200 } });
  await expect(resource(page)).toBeHidden();
});

test("the tab can be seen as of a past moment", async ({ page, cluster }) => {
  const { kube } = cluster;
  await openTab(page, path, "kubernetes");
  await expect(page.getByTestId("travel")).toContainText("As it is now");
  const before = Date.now();
  await kube.delete("Ingress", shop, "front");
  await expect(rowOf(page, "Ingress", "front")).toHaveCount(0);
  await page.goto(`${path}/kubernetes?range=15m&at=${before}`);
  await hydrated(page);
  await expect(page.getByTestId("travel")).toContainText("As of");
  await expect(rowOf(page, "Ingress", "front")).toHaveCount(1);
  await rowOf(page, "Ingress", "front").getByTestId("resource-link").click();
  await expect(resource(page).getByTestId("yaml")).toContainText("shop.test");
  await resource(page).getByTestId("close").click();
  await page.getByTestId("travel-now").click();
  await expect(page.getByTestId("travel")).toContainText("As it is now");
  await expect(rowOf(page, "Ingress", "front")).toHaveCount(0);
});

test("an autoscaler at its maximum says so and degrades the service", async ({ page, cluster }) => {
  const { kube } = cluster;
  // In place of the controller, which has no metrics here and does not run.
  const since = new Date(Date.now() - 20 * 60_000).toISOString().replace(/\.\d+Z$/, "Z");
  const limited = { type: "ScalingLimited", status: "True", reason: "TooManyReplicas", lastTransitionTime: since };
  await kube.patchStatus("HorizontalPodAutoscaler", shop, "web", {
    currentReplicas: 5,
    desiredReplicas: 5,
    conditions: [{ ...limited, message: "the desired replica count is more than the maximum replica count" }],
  });
  await openTab(page, path, "kubernetes");
  const event = page.getByTestId("adverse-event").filter({ hasText: "The autoscaler web is at its maximum of 5 pods" });
  await expect(event).toBeVisible({ timeout: 90_000 });
  await openCatalog(page, shop);
  const web = row(page, keyOf(shop, "Deployment", "web"));
  await expect(web.getByTestId("health")).toHaveText(/degraded/i);
  await expect(web.getByTestId("sentence")).toContainText("at its maximum");
  await kube.patchStatus("HorizontalPodAutoscaler", shop, "web", {
    conditions: [{ ...limited, status: "False", reason: "DesiredWithinRange", message: "within range" }],
  });
  await expect(web.getByTestId("health")).toHaveText(/healthy/i);
});

test("a quota that blocks pods is named with what is used of it", async ({ page, cluster }) => {
  const { kube } = cluster;
  const tight = await freshNamespace(kube, "quota");
  const metadata = { namespace: tight, name: "few" };
  await kube.apply({ apiVersion: "v1", kind: "ResourceQuota", metadata, spec: { hard: { pods: "1" } } });
  await kube.wait("ResourceQuota", tight, "few", "counted", (quota) => quota.status?.hard?.pods === "1");
  await kube.apply(deployment({ namespace: tight, name: "many", replicas: 3 }));
  await openTab(page, await servicePath(page, keyOf(tight, "Deployment", "many")), "kubernetes");
  const event = page.getByTestId("adverse-event").filter({ hasText: "Quota few refuses its pods: pods 1 of 1 used" });
  await expect(event.first()).toBeVisible();
  await expect(event.first()).toContainText("Raise the quota, or ask for less.");
  await expect(rowOf(page, "Deployment", "many").first()).toContainText("1/3 ready");
});
