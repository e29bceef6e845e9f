// What deploy/ is for: its YAML is applied as it is, and Binnacle runs as the account in it, with that account's own
// token. The API server notes every request it makes.
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { deployed } from "./support/access";
import { Binnacle, binnacleBinary } from "./support/binnacle";
import { type ControlPlane, startControlPlane } from "./support/controlplane";
import { expect, harness as test } from "./support/fixtures";
import { yamlDocuments } from "./support/kube";
import { freePorts } from "./support/process";
import { cronJob, deployment, FATE, freshNamespace, hasSettled, rollOut, statefulSet } from "./support/workloads";

const ACCOUNT = "system:serviceaccount:binnacle:binnacle";

let cluster: ControlPlane;
let kubeconfig: string;
let shop: string;

test.describe.configure({ mode: "serial" });

test.beforeAll(async () => {
  test.setTimeout(120_000);
  cluster = await startControlPlane({ audit: ACCOUNT });
  const { kube } = cluster;
  await kube.applyYaml(...deployed());
  shop = await freshNamespace(kube, "deploy");
  await rollOut(
    kube,
    deployment({ namespace: shop, name: "web", replicas: 2 }),
    statefulSet({ namespace: shop, name: "db" }),
  );
  await kube.apply(cronJob({ namespace: shop, name: "report" }));
  kubeconfig = cluster.kubeconfigWith("account", await kube.tokenOf("binnacle", "binnacle"));
});

test.afterAll(async () => {
  await cluster?.stop();
});

test("the YAML is taken as it is, and its pod is as restricted as its namespace asks", async () => {
  const { kube } = cluster;
  const set = async () => (await kube.list("ReplicaSet", "binnacle"))[0];
  await expect.poll(async () => (await set())?.status.replicas, { timeout: 30_000 }).toBe(1);
  const { spec } = await kube.get("Deployment", "binnacle", "binnacle");
  const [container] = spec.template.spec.containers;
  expect(container.securityContext).toMatchObject({ readOnlyRootFilesystem: true, allowPrivilegeEscalation: false });
  expect(container.resources.requests).toBeTruthy();
  for (const probe of ["startupProbe", "livenessProbe", "readinessProbe"]) expect(container[probe]).toBeTruthy();
});

test("as the account in it everything is seen, nothing is refused, and no Secret is asked for", async () => {
  const { kube } = cluster;
  const binnacle = new Binnacle({ kubeconfig });
  try {
    await binnacle.start();
    await expect.poll(() => services(binnacle)).toEqual(expect.arrayContaining([
      `${shop}/Deployment/web`,
      `${shop}/StatefulSet/db`,
      "binnacle/Deployment/binnacle",
    ]));
    // What happens while it watches: a rollout, a crash loop.
    await kube.apply(deployment({ namespace: shop, name: "web", replicas: 2, image: "registry.test/web:v2" }));
    await kube.wait("Deployment", shop, "web", "settled", hasSettled);
    await kube.apply(deployment({ namespace: shop, name: "loop", replicas: 1, annotations: { [FATE]: "crash" } }));
    await expect.poll(() => services(binnacle)).toContain(`${shop}/Deployment/loop`);
    await binnacle.stop();
    const requests = cluster.audited().filter((entry) => entry.stage !== "RequestReceived");
    const named = requests.map((entry) => `${entry.verb} ${entry.requestURI} ${entry.responseStatus?.code}`);
    expect(requests.length).toBeGreaterThan(40);
    expect(requests.every((entry) => entry.user.username === ACCOUNT)).toBe(true);
    const refused = (entry: any) =>
      entry.responseStatus?.code === 401 ||
      entry.responseStatus?.code === 403 ||
      entry.annotations?.["authorization.k8s.io/decision"] === "forbid";
    expect(named.filter((_, index) => refused(requests[index]))).toEqual([]);
    expect(named.filter((_, index) => requests[index].objectRef?.resource === "secrets")).toEqual([]);
    const verbs = new Set(requests.map((entry) => entry.verb));
    expect([...verbs].filter((verb) => !["get", "list", "watch"].includes(verb))).toEqual([]);
  } finally {
    await binnacle.stop().catch(() => {});
    binnacle.remove();
  }
});

test("check finds nothing missing with what is deployed, and says what to add without it", async () => {
  const fine = await check(kubeconfig);
  expect(fine.output).toContain("nothing is missing");
  expect(fine.output).toMatch(/^ok +cluster end2end: answers, v1\.\d+/m);
  expect(fine.output).toMatch(/^ok +list and watch pods$/m);
  expect(fine.output).toMatch(/^ok +get nodes\/metrics$/m);
  expect(fine.output).toMatch(/^note +list and watch rollouts\.argoproj\.io: not in this cluster$/m);
  expect(fine.code).toBe(0);
  const poor = await check(cluster.kubeconfigOf("stranger"));
  expect(poor.code).toBe(1);
  expect(poor.output).toMatch(/^MISSING +list and watch deployments\.apps$/m);
  expect(poor.output).toContain('- apiGroups: ["apps"]');
  expect(poor.output).not.toContain("secrets");
});

test("rights for some namespaces are enough for these", async () => {
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
