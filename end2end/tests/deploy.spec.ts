// What deploy/ is for: its YAML is applied as it is, and Binnacle runs as the account in it, with that account's own
// token. The API server notes every request it makes; kubelets ask the API server whom to let in.
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { deployed } from "./support/access";
import { Binnacle, binnacleBinary } from "./support/binnacle";
import { ACCOUNT, expect, installed as test } from "./support/fixtures";
import { type Obj, yamlDocuments } from "./support/kube";
import { currentPods, deployRows, hydrated, keyOf, openTab, servicePath } from "./support/pages";
import { freePorts } from "./support/process";
import {
  claimedVolume,
  cronJob,
  deployment,
  FATE,
  freshNamespace,
  hasSettled,
  podsOf,
  rollOut,
  SAYS,
  statefulSet,
  VOLUME_USED,
} from "./support/workloads";

const FORBIDDEN = /forbidden/i;

let shop: string;

test.describe.configure({ mode: "serial" });

const web = (tag = "v1"): Obj => {
  const annotations = { [SAYS]: "listening on :8080", "binnacle.test/cpu": "200m", "binnacle.test/memory": "40Mi" };
  return deployment({ namespace: shop, name: "web", image: `registry.test/web:${tag}`, annotations });
};

test.beforeAll(async ({ cluster }) => {
  const { kube } = cluster;
  shop = await freshNamespace(kube, "deploy");
  const db = statefulSet({ namespace: shop, name: "db", replicas: 1, annotations: { [VOLUME_USED]: "0.75" } });
  db.spec.template.spec.volumes = [{ name: "data", persistentVolumeClaim: { claimName: "papers" } }];
  const archive = statefulSet({ namespace: shop, name: "archive", replicas: 1, annotations: { [VOLUME_USED]: "0.98" } });
  archive.spec.template.spec.volumes = [{ name: "data", persistentVolumeClaim: { claimName: "boxes" } }];
  await kube.apply(...claimedVolume(shop, "papers"), ...claimedVolume(shop, "boxes"));
  await rollOut(kube, web(), db, archive);
  await kube.apply(cronJob({ namespace: shop, name: "report" }));
});

test("the YAML is taken as it is, and its pod is as restricted as its namespace asks", async ({ cluster }) => {
  const { kube } = cluster;
  const set = async () => (await kube.list("ReplicaSet", "binnacle"))[0];
  await expect.poll(async () => (await set())?.status.replicas, { timeout: 30_000 }).toBe(1);
  const { spec } = await kube.get("Deployment", "binnacle", "binnacle");
  const [container] = spec.template.spec.containers;
  expect(container.securityContext).toMatchObject({ readOnlyRootFilesystem: true, allowPrivilegeEscalation: false });
  expect(container.resources.requests).toBeTruthy();
  for (const probe of ["startupProbe", "livenessProbe", "readinessProbe"]) expect(container[probe]).toBeTruthy();
});

test("as the account in it services and their deploys are seen", async ({ cluster, binnacle, page }) => {
  const { kube } = cluster;
  await expect.poll(() => services(binnacle)).toEqual(expect.arrayContaining([
    `${shop}/Deployment/web`,
    `${shop}/StatefulSet/db`,
    "binnacle/Deployment/binnacle",
  ]));
  await kube.apply(web("v2"));
  await kube.wait("Deployment", shop, "web", "settled", hasSettled);
  const path = await servicePath(page, keyOf(shop, "Deployment", "web"));
  await openTab(page, path, "deploys");
  await expect(deployRows(page)).toHaveText(/v2/);
  await openTab(page, path, "kubernetes");
  const rows = page.getByTestId("resource-row");
  for (const kind of ["Deployment", "ReplicaSet", "Pod", "ServiceAccount"]) {
    await expect(rows.and(page.locator(`[data-kind="${kind}"]`)).first()).toBeVisible();
  }
});

test("kubelets say what containers use, their networks and volumes", async ({ page }) => {
  await openTab(page, await servicePath(page, keyOf(shop, "Deployment", "web")), "metrics");
  const golden = (title: string) => page.getByTestId("chart-golden").filter({ hasText: title });
  // Two pods, whose limit is one's.
  await expect(golden("Memory")).toContainText(/80 MiB total.*limit.*64 MiB/s);
  await expect(golden("CPU")).toContainText(/0\.4 total/, { timeout: 30_000 });
  await expect(golden("Network")).toContainText(/receive\s*\d+ KiB\/s\s*transmit\s*\d+ KiB\/s/);
  await page.goto(`${await servicePath(page, keyOf(shop, "StatefulSet", "db"))}/metrics?metric=k8s.volume.available`);
  await expect(page.getByTestId("chart-metric")).toContainText("2.5 GiB");
  await openTab(page, await servicePath(page, keyOf(shop, "Deployment", "web")), "kubernetes");
  await expect(page.getByTestId("chart-memory")).toContainText(/80 MiB total.*limit.*64 MiB/s);
  await expect(page.getByTestId("node-use").first()).toContainText(/CPU .* cores · memory .* %/);
  await page.goto("/status");
  await expect(page.getByTestId("status-kubelets")).toHaveText("2 of 2 kubelets say what containers use.");
});

test("each resource opens as the cluster has it now, by no right but that to list", async ({ page }) => {
  const path = await servicePath(page, keyOf(shop, "Deployment", "web"));
  const yaml = page.getByTestId("yaml");
  await page.goto(`${path}/kubernetes?resource=Deployment/web`);
  await expect(page.getByTestId("as-it-is")).toBeVisible();
  await expect(yaml).toContainText("apiVersion: apps/v1");
  await expect(yaml).toContainText("readyReplicas: 2");
  await page.goto(`${path}/kubernetes`);
  await page.getByTestId("resource-row").filter({ hasText: "Pod" }).first().getByRole("link").click();
  await expect(yaml).toContainText("phase: Running");
});

test("lines of a pod come by the API server as they are written", async ({ cluster, page }) => {
  const [pod, other] = await podsOf(cluster.kube, shop, "web");
  await openTab(page, await servicePath(page, keyOf(shop, "Deployment", "web")), "logs");
  const lines = page.getByTestId("log-line");
  await expect(lines.filter({ hasText: "listening on :8080" }).first()).toBeVisible();
  await expect(page.getByTestId("log-lines")).toContainText(other.metadata.name.slice(-5));
  cluster.kubelets.say(pod, "order 1812 packed");
  await expect(lines.first()).toContainText("order 1812 packed");
});

test("a crash loop has the last lines of the run that ended", async ({ cluster, page }) => {
  const annotations = { [FATE]: "crash", [SAYS]: "starting\npanic: no route to the database" };
  await cluster.kube.apply(deployment({ namespace: shop, name: "loop", replicas: 1, annotations }));
  await openTab(page, await servicePath(page, keyOf(shop, "Deployment", "loop")), "kubernetes");
  const event = page.getByTestId("adverse-event").filter({ hasText: "CrashLoopBackOff" });
  await expect(event.getByTestId("last-lines")).toHaveText(/starting\npanic: no route to the database$/);
  await expect(event).toContainText("Ended with an error, exit code 1: its last log lines say why.");
});

test("nothing was refused to the account, and it asked for no Secret", ({ cluster }) => {
  const requests = cluster.audited().filter((entry) => entry.stage !== "RequestReceived");
  const named = requests.map((entry) => `${entry.verb} ${entry.requestURI} ${entry.responseStatus?.code}`);
  expect(requests.length).toBeGreaterThan(40);
  expect(requests.every((entry) => entry.user.username === ACCOUNT)).toBe(true);
  const refused = (entry: Obj) =>
    entry.responseStatus?.code === 401 ||
    entry.responseStatus?.code === 403 ||
    entry.annotations?.["authorization.k8s.io/decision"] === "forbid";
  expect(named.filter((_, index) => refused(requests[index]))).toEqual([]);
  expect(named.filter((_, index) => requests[index].objectRef?.resource === "secrets")).toEqual([]);
  expect(requests.some((entry) => entry.objectRef?.subresource === "log")).toBe(true);
  const verbs = new Set(requests.map((entry) => entry.verb));
  expect([...verbs].filter((verb) => !["get", "list", "watch"].includes(verb))).toEqual([]);
});

test("check finds nothing missing with what is deployed, and says what to add without it", async ({ cluster }) => {
  const token = await cluster.kube.tokenOf("binnacle", "binnacle");
  const fine = await check(cluster.kubeconfigWith("checked", token));
  expect(fine.output).toContain("nothing is missing");
  expect(fine.output).toMatch(/^ok +cluster end2end: answers, v1\.\d+/m);
  expect(fine.output).toMatch(/^ok +list and watch pods$/m);
  expect(fine.output).toMatch(/^ok +get nodes\/metrics$/m);
  expect(fine.output).not.toMatch(/certificate|not reachable/);
  expect(fine.output).toMatch(/^note +list and watch rollouts\.argoproj\.io: not in this cluster$/m);
  expect(fine.code).toBe(0);
  const poor = await check(cluster.kubeconfigOf("stranger"));
  expect(poor.code).toBe(1);
  expect(poor.output).toMatch(/^MISSING +list and watch deployments\.apps$/m);
  expect(poor.output).toContain('- apiGroups: ["apps"]');
  expect(poor.output).not.toContain("secrets");
});

test("rights for some namespaces are enough for these", async ({ cluster }) => {
  const { kube } = cluster;
  const { stdout } = await promisify(execFile)(binnacleBinary(), ["rbac", "--namespaces", shop]);
  const account = { apiVersion: "v1", kind: "ServiceAccount", metadata: { namespace: "binnacle", name: "narrow" } };
  await kube.apply(account);
  const narrow = stdout.replaceAll("    name: binnacle\n    namespace", "    name: narrow\n    namespace");
  await kube.applyYaml(...yamlDocuments(narrow));
  const file = cluster.kubeconfigWith("narrow", await kube.tokenOf("binnacle", "narrow"));
  expect((await check(file, ["--namespace", shop])).output).toContain("nothing is missing");
  const binnacle = new Binnacle({ kubeconfig: file, args: ["--namespace", shop] });
  try {
    await binnacle.start();
    await expect.poll(() => services(binnacle)).toContain(`${shop}/Deployment/web`);
    await binnacle.stop();
  } finally {
    await binnacle.stop().catch(() => {});
    binnacle.remove();
  }
});

test("the container runs as the user that the YAML says", () => {
  const dockerfile = readFileSync(join(import.meta.dirname, "../../deploy/Dockerfile"), "utf8");
  const manifest = deployed().find((document) => document.kind === "Deployment")?.text ?? "";
  const user = /^USER (\d+)/m.exec(dockerfile)?.[1];
  expect(user).toBeTruthy();
  expect(manifest).toContain(`runAsUser: ${user}`);
});

test("a volume that is nearly full is told with what to do", async ({ page }) => {
  // It is so for a minute before it is said.
  test.setTimeout(240_000);
  await openTab(page, await servicePath(page, keyOf(shop, "StatefulSet", "archive")), "kubernetes");
  const event = page.getByTestId("adverse-event").filter({ hasText: "Volume full" });
  await expect(event).toContainText("is 97 % full: 205 MiB left", { timeout: 180_000 });
  await expect(event.getByTestId("next-step")).toContainText("Enlarge the claim");
});

test("rights taken away are told with what to add, and what is given back is read again", async ({ cluster, page, guard }) => {
  const { kube } = cluster;
  const binding = deployed().filter(({ kind }) => kind === "ClusterRoleBinding");
  const kubelets = page.getByTestId("status-kubelets");
  const logs = page.getByTestId("status-logs");
  const watchers = page.getByTestId("status-watcher");
  const path = await servicePath(page, keyOf(shop, "Deployment", "web"));
  await page.goto("/status");
  await hydrated(page);
  await kube.delete("ClusterRoleBinding", undefined, "binnacle");
  await expect(kubelets).toContainText("0 of 2 kubelets say what containers use.");
  await expect(kubelets).toContainText("/metrics/cadvisor may not be read (403)");
  for (const right of ["nodes/metrics", "nodes/stats"]) await expect(kubelets).toContainText(`resources: ["${right}"]`);
  // A watch that is open goes on; the next one is refused.
  guard.allow(/connecting|503/);
  await cluster.restartApiServer(0);
  await expect(watchers.and(page.locator('[data-resource="pods"]'))).toContainText(FORBIDDEN);
  await expect(page.getByRole("main")).toContainText(/resources: \["pods"\]\s*verbs: \["list", "watch"\]/);
  await expect(logs).toContainText("refused by the API server (403): the account may not get pods/log");
  await openTab(page, path, "kubernetes");
  await expect(currentPods(page)).toHaveCount(2);
  await page.goto("/status");
  await kube.apply(web("v3"));
  await kube.wait("Deployment", shop, "web", "settled", hasSettled);
  await kube.applyYaml(...binding);
  await expect(kubelets).toHaveText("2 of 2 kubelets say what containers use.", { timeout: 60_000 });
  await expect(watchers.filter({ hasText: FORBIDDEN })).toHaveCount(0, { timeout: 60_000 });
  await expect(logs).toHaveText(/^Logs of \d+ pods are read\.$/, { timeout: 60_000 });
  await openTab(page, path, "deploys");
  await expect(deployRows(page).first()).toContainText("v3");
});

/** `namespace/Kind/name` of every service. */
async function services(binnacle: Binnacle): Promise<string[]> {
  const answer = await fetch(`${binnacle.url}/api/v1/services?limit=200`);
  const { items } = await answer.json();
  return items.map((item: any) => [item.namespace, item.kind, item.name].join("/"));
}

async function check(file: string, args: string[] = []): Promise<{ code: number; output: string }> {
  const data = new Binnacle();
  const [ui, grpc, http] = await freePorts(3);
  const flags = ["--listen", "--otlp-grpc", "--otlp-http"].flatMap((flag, at) => [
    flag,
    `127.0.0.1:${[ui, grpc, http][at]}`,
  ]);
  const command = ["check", "--kubeconfig", file, "--data", data.data, ...flags, ...args];
  try {
    const { stdout } = await promisify(execFile)(binnacleBinary(), command);
    return { code: 0, output: stdout };
  } catch (error: any) {
    return { code: error.code, output: String(error.stdout) };
  } finally {
    data.remove();
  }
}
