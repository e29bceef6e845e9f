// `npm run cluster`: a real control plane to try Binnacle on by hand. Prints the
// kubeconfig, runs a small shop, and sends it traffic where OTLP is listened to.
import { createConnection } from "node:net";
import { harness as test } from "../tests/support/fixtures";
import { httpSpans, resourceOf } from "../tests/support/otel";
import { sleep } from "../tests/support/process";
import {
  cronJob,
  daemonSet,
  deployment,
  FATE,
  namespace,
  podsOf,
  rollOut,
  statefulSet,
} from "../tests/support/workloads";

const OTLP = { host: "127.0.0.1", port: Number(process.env.OTLP_PORT ?? 4317) };
const SHOP = "shop";

test("cluster", async ({ cluster, sender }) => {
  const { kube } = cluster;
  await kube.apply(namespace(SHOP));
  await kube.wait("ServiceAccount", SHOP, "default", "there", () => true);
  await rollOut(
    kube,
    deployment({ namespace: SHOP, name: "web", replicas: 3 }),
    deployment({ namespace: SHOP, name: "checkout" }),
    statefulSet({ namespace: SHOP, name: "db" }),
    daemonSet({ namespace: SHOP, name: "agent" }),
  );
  await kube.apply(
    cronJob({ namespace: SHOP, name: "report" }),
    deployment({ namespace: SHOP, name: "search", image: "registry.test/missing:v1", replicas: 1 }),
    deployment({ namespace: SHOP, name: "import", replicas: 1, annotations: { [FATE]: "crash" } }),
  );
  console.log(`\nKUBECONFIG=${cluster.kubeconfig}\nadmin: ${cluster.kubeconfigOf("admin")}\nCtrl-C ends it.`);
  for (let round = 0; ; round += 1) {
    // A deploy that raises errors, a minute in; the way back, three minutes later.
    if (round === 12)
      await kube.apply(deployment({ namespace: SHOP, name: "checkout", image: "registry.test/checkout:v2" }));
    if (round === 48)
      await kube.apply(deployment({ namespace: SHOP, name: "checkout", image: "registry.test/checkout:v1" }));
    await sleep(5_000);
    if (!(await isListening())) continue;
    for (const name of ["web", "checkout"]) {
      for (const pod of await podsOf(kube, SHOP, name)) {
        const broken = pod.spec.containers[0].image.endsWith(":v2");
        const error = broken ? { type: "PaymentError", message: "the card was declined" } : undefined;
        const spans = [
          httpSpans("GET", "/items/{id}", { count: 10, over_s: 5, duration_ms: 30 }),
          httpSpans("POST", "/orders", { count: 4, over_s: 5, duration_ms: 120, error }),
        ];
        await sender.send({ endpoint: `http://${OTLP.host}:${OTLP.port}`, resource: resourceOf(pod), spans });
      }
    }
  }
});

function isListening(): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection(OTLP, () => resolve(true));
    socket.once("error", () => resolve(false));
    socket.once("connect", () => socket.end());
  });
}
