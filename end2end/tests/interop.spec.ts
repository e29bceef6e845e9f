// Senders that nobody here wrote, configured as their users do it: what each sent is found under its service, all of it,
// with its unit. The Python SDKs of OpenTelemetry and Pyroscope are what the other specs send with.
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Page } from "@playwright/test";
import { expect, test } from "./support/fixtures";
import { resourceOf } from "./support/otel";
import { hydrated, keyOf, servicePath, type Tab } from "./support/pages";
import { freePort, start } from "./support/process";
import { sender } from "./support/tools";
import { deployment, freshNamespace, podsOf, rollOut } from "./support/workloads";

const run = promisify(execFile);
let shop = "";

test.beforeAll(async ({ cluster }) => {
  shop = await freshNamespace(cluster.kube, "interop");
  const names = ["web", "grpc", "http", "scraped"];
  await rollOut(cluster.kube, ...names.map((name) => deployment({ namespace: shop, name, replicas: 1 })));
});

async function open(page: Page, name: string, tab: Tab, query = ""): Promise<void> {
  await page.goto(`${await servicePath(page, keyOf(shop, "Deployment", name))}/${tab}${query}`);
  await hydrated(page);
}

/** What is said of a metric in the list of all that a service has. */
const metric = (page: Page, name: string) => page.getByTestId("metric-name").filter({ hasText: name });

/** The newest value that the chart of a metric says. */
const newest = (page: Page) => page.getByTestId("chart-metric").locator(".headline");

test("Node's auto-instrumentation", async ({ page, cluster, binnacle }) => {
  const [pod] = await podsOf(cluster.kube, shop, "web");
  const { "service.name": name, ...resource } = resourceOf(pod);
  const env = {
    ...process.env,
    NODE_PATH: sender("node_modules"),
    NODE_OPTIONS: "--require @opentelemetry/auto-instrumentations-node/register",
    OTEL_SERVICE_NAME: name,
    OTEL_RESOURCE_ATTRIBUTES: Object.entries(resource).map(([key, value]) => `${key}=${value}`).join(),
    OTEL_EXPORTER_OTLP_ENDPOINT: binnacle.http,
    OTEL_TRACES_EXPORTER: "otlp",
    OTEL_METRICS_EXPORTER: "otlp",
    OTEL_LOGS_EXPORTER: "otlp",
    // The others look for a cloud in the network.
    OTEL_NODE_RESOURCE_DETECTORS: "env,host,os,process",
  };
  const script = join(import.meta.dirname, "../senders/web.cjs");
  await run(process.execPath, [script, "30"], { env, cwd: sender("node_modules") }).catch((ended) => {
    // Without a handler of its own the SDK ends it as the signal would.
    expect(ended.signal, ended.stderr).toBe("SIGTERM");
  });
  await open(page, "web", "traces");
  await expect(page.getByTestId("chart-spans")).toContainText("30 · 6 failed");
  await open(page, "web", "logs", "?q=level:error");
  await expect(page.getByTestId("log-line")).toHaveCount(6);
  await expect(page.getByTestId("log-line").first()).toContainText("order 30 is gone");
  await open(page, "web", "metrics", "?metric=http.server.duration&agg=count");
  await expect(newest(page)).toHaveText("30");
  await expect(metric(page, "http.server.duration")).toContainText("histogram · ms");
  await expect(metric(page, "v8js.memory.heap.used")).toContainText("bytes");
});

for (const wire of ["grpc", "http"] as const) {
  test(`telemetrygen over ${wire}`, async ({ page, cluster, binnacle }) => {
    const [pod] = await podsOf(cluster.kube, shop, wire);
    const { "service.name": name, ...resource } = resourceOf(pod);
    const attributes = Object.entries(resource).flatMap(([key, value]) => ["--otlp-attributes", `${key}="${value}"`]);
    const endpoint = new URL(binnacle[wire]).host;
    const shared = ["--otlp-insecure", "--otlp-endpoint", endpoint, "--service", name, ...attributes];
    if (wire === "http") shared.push("--otlp-http");
    for (const [signal, count] of [["traces", 40], ["logs", 30], ["metrics", 20]] as const) {
      await run(sender("telemetrygen"), [signal, `--${signal}`, `${count}`, "--rate", "0", ...shared]);
    }
    await open(page, wire, "traces");
    await expect(page.getByTestId("chart-spans")).toContainText("40");
    await open(page, wire, "logs");
    await expect(page.getByTestId("log-line")).toHaveCount(30);
    await open(page, wire, "metrics");
    await expect(metric(page, "gen")).toContainText("gauge · 1 series");
    // It counts up from 0.
    await expect(newest(page)).toHaveText("19");
  });
}

/** What an application with a Prometheus client tells: a counter, a gauge, a histogram. */
const TOLD = `# HELP shop_orders_total Orders taken.
# TYPE shop_orders_total counter
shop_orders_total{route="/pay"} COUNT
# TYPE shop_cache_bytes gauge
shop_cache_bytes 67108864
# TYPE shop_wait_seconds histogram
shop_wait_seconds_bucket{le="0.1"} 7
shop_wait_seconds_bucket{le="+Inf"} 9
shop_wait_seconds_sum 1.5
shop_wait_seconds_count 9
`;

test("Prometheus by remote write", async ({ page, cluster, binnacle }) => {
  const [pod] = await podsOf(cluster.kube, shop, "scraped");
  let scrapes = 0;
  const application = createServer((_, answer) => {
    scrapes += 1;
    answer.setHeader("content-type", "text/plain; version=0.0.4").end(TOLD.replace("COUNT", `${scrapes * 10}`));
  });
  await new Promise<void>((resolve) => application.listen(0, "127.0.0.1", resolve));
  const folder = mkdtempSync(join(tmpdir(), "binnacle-prometheus-"));
  const target = `127.0.0.1:${(application.address() as AddressInfo).port}`;
  const config = {
    global: { scrape_interval: "1s" },
    scrape_configs: [
      {
        job_name: "scraped",
        // As relabelling by what Kubernetes says of a pod leaves them.
        static_configs: [{ targets: [target], labels: { namespace: shop, pod: pod.metadata.name } }],
      },
    ],
    remote_write: [
      {
        url: `${binnacle.http}/api/v1/write`,
        queue_config: { batch_send_deadline: "1s" },
        metadata_config: { send_interval: "1s" },
      },
    ],
  };
  const own = `127.0.0.1:${await freePort()}`;
  // How many samples it says were taken from it: ten a scrape, of which five say how that went.
  const taken = async () => {
    const told = await fetch(`http://${own}/metrics`).then((answer) => answer.text(), () => "");
    return Number(/^prometheus_remote_storage_samples_total\{.*\} (\d+)$/m.exec(told)?.[1] ?? 0);
  };
  // YAML takes JSON.
  writeFileSync(join(folder, "prometheus.yml"), JSON.stringify(config));
  const prometheus = start(
    "prometheus",
    sender("debian/usr/bin/prometheus"),
    [
      `--config.file=${join(folder, "prometheus.yml")}`,
      "--enable-feature=agent",
      `--storage.agent.path=${join(folder, "data")}`,
      `--web.listen-address=${own}`,
    ],
    join(folder, "log"),
  );
  try {
    await expect.poll(taken, { timeout: 60_000 }).toBeGreaterThanOrEqual(30);
  } finally {
    await prometheus.stop();
    application.close();
    rmSync(folder, { recursive: true });
  }
  await open(page, "scraped", "metrics", "?metric=shop_cache_bytes");
  await expect(newest(page)).toHaveText("64 MiB");
  await expect(metric(page, "shop_orders_total")).toContainText("counter · 1 series");
  await expect(metric(page, "shop_wait_seconds_bucket")).toContainText("counter · 2 series");
  await open(page, "scraped", "metrics", "?metric=shop_orders_total&agg=max");
  // Of the first three all is there, of later ones what it still sent.
  const counts = Array.from({ length: scrapes }, (_, n) => `${(n + 1) * 10}`).slice(2);
  await expect(newest(page)).toHaveText(new RegExp(`^(${counts.join("|")})$`));
  await open(page, "scraped", "metrics", "?metric=shop_wait_seconds_sum&agg=max");
  await expect(newest(page)).toHaveText("1.50 s");
});
