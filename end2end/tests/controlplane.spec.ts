// The test cluster itself: what the other specs take for granted about it.
import { expect, harness as test } from "./support/fixtures";
import {
  cronJob,
  daemonSet,
  deployment,
  FATE,
  freshNamespace,
  hasSettled,
  jobFrom,
  podsOf,
  replicaSet,
  rollOut,
  statefulSet,
} from "./support/workloads";

let shop: string;

test.beforeAll(async ({ cluster }) => {
  shop = await freshNamespace(cluster.kube, "harness");
});

test("every kind of workload runs", async ({ cluster }) => {
  const { kube } = cluster;
  await rollOut(
    kube,
    deployment({ namespace: shop, name: "web", replicas: 3 }),
    statefulSet({ namespace: shop, name: "db" }),
    daemonSet({ namespace: shop, name: "agent" }),
    replicaSet({ namespace: shop, name: "bare" }),
  );
  await kube.apply(cronJob({ namespace: shop, name: "report" }));
  await kube.create(jobFrom(await kube.get("CronJob", shop, "report"), "report-now"));
  const done = (job: { status?: { succeeded?: number } }) => job.status?.succeeded === 1;
  await kube.wait("Job", shop, "report-now", "complete", done);
  const counts = await Promise.all(["web", "db", "agent", "bare"].map((name) => podsOf(kube, shop, name)));
  expect(counts.map((pods) => pods.length)).toEqual([3, 2, 2, 1]);
});

test("an annotated pod is OOM killed once and runs on", async ({ cluster }) => {
  const { kube } = cluster;
  const [pod] = await podsOf(kube, shop, "web");
  await kube.patch("Pod", shop, pod.metadata.name, { metadata: { annotations: { [FATE]: "oom" } } });
  const killed = await kube.wait("Pod", shop, pod.metadata.name, "restarted", (object) => {
    return object.status.containerStatuses?.[0].restartCount === 1;
  });
  const [container] = killed.status.containerStatuses;
  expect(container.lastState.terminated).toMatchObject({ reason: "OOMKilled", exitCode: 137 });
  expect(container).toMatchObject({ ready: true, state: { running: {} } });
});

test("a crash loop backs off and counts", async ({ cluster }) => {
  const { kube } = cluster;
  await kube.apply(deployment({ namespace: shop, name: "loop", replicas: 1, annotations: { [FATE]: "crash" } }));
  await expect
    .poll(async () => (await podsOf(kube, shop, "loop"))[0]?.status.containerStatuses[0], { timeout: 120_000 })
    .toMatchObject({ restartCount: 5, state: { waiting: { reason: "CrashLoopBackOff" } } });
});

test("a missing image is not pulled", async ({ cluster }) => {
  const { kube } = cluster;
  await kube.apply(deployment({ namespace: shop, name: "search", image: "registry.test/missing:v1", replicas: 1 }));
  await expect
    .poll(async () => (await kube.list("Pod", shop, "app=search"))[0]?.status.containerStatuses?.[0].state)
    .toMatchObject({ waiting: { reason: "ImagePullBackOff" } });
});

test("Binnacle's user reads and does nothing else", async ({ cluster }) => {
  const answers = await cluster.tryAs("binnacle", [
    ["GET", "/api/v1/pods"],
    ["GET", "/apis/apps/v1/controllerrevisions"],
    ["GET", "/api/v1/secrets"],
    ["DELETE", `/api/v1/namespaces/${shop}/pods/any`],
  ]);
  expect(answers).toEqual([200, 200, 403, 403]);
});

test("the API server restarts on the same address and the cluster goes on", async ({ cluster }) => {
  const { kube } = cluster;
  await cluster.restartApiServer();
  await kube.apply(deployment({ namespace: shop, name: "web", replicas: 3, image: "registry.test/web:v2" }));
  await kube.wait("Deployment", shop, "web", "settled", hasSettled);
  await expect.poll(async () => (await podsOf(kube, shop, "web")).length).toBe(3);
});
