// Everything telemetry says is hostile, and a secret is never kept: strings that
// would run as script in every place a name can have, and canaries in the cluster.
import type { Page } from "@playwright/test";
import { expect, test } from "./support/fixtures";
import type { Obj } from "./support/kube";
import { resourceOf } from "./support/otel";
import { hydrated, keyOf, openCatalog, openTab, servicePath, TABS } from "./support/pages";
import { sleep } from "./support/process";
import { configMap, deployment, freshNamespace, podsOf, rollOut } from "./support/workloads";

const CORPUS = [
  "<script>window.hit=1</script>",
  '"><img src=x onerror=window.hit=1>',
  "'><svg onload=window.hit=1>",
  "</script><script>window.hit=1</script>",
  "</title><script>window.hit=1</script>",
  "</style><img src=x onerror=window.hit=1>",
  "<!--<img src=x onerror=window.hit=1>-->",
  "javascript:window.hit=1",
  "` onmouseover=window.hit=1 x=`",
  "<iframe srcdoc='<script>parent.hit=1</script>'>",
  "{{constructor.constructor('window.hit=1')()}}",
  "\u202egnp.exe\u0000\u001b[31m",
];

/** Nothing ran, and nothing that came from a string became an element. */
async function expectHarmless(page: Page, where: string): Promise<void> {
  const found = await page.evaluate(() => ({
    hit: "hit" in window,
    elements: [
      ...document.querySelectorAll(
        'img[src="x"], svg[onload], iframe, [onerror], [onmouseover], a[href^="javascript:" i]',
      ),
    ].map((each) => each.outerHTML),
  }));
  expect(found, where).toEqual({ hit: false, elements: [] });
}

test("no string of telemetry or events becomes markup", async ({ page, cluster, binnacle, sender }) => {
  test.setTimeout(600_000);
  const { kube } = cluster;
  const shop = await freshNamespace(kube, "hostile");
  await rollOut(kube, deployment({ namespace: shop, name: "target", replicas: 1 }));
  const [pod] = await podsOf(kube, shop, "target");
  const traces: string[] = [];
  for (const text of CORPUS) {
    const answer = await sender.send({
      endpoint: binnacle.grpc,
      resource: { ...resourceOf(pod), "service.name": text, "service.version": text, [text]: text },
      spans: [
        {
          name: text,
          kind: "SERVER",
          attributes: { "http.request.method": text, "http.route": `/${text}`, [text]: text },
          error: { type: text, message: text },
          children: [{ name: text, attributes: { "db.query.text": text } }],
        },
        {
          name: text,
          kind: "CONSUMER",
          attributes: { "messaging.operation.name": text, "messaging.destination.name": text },
        },
      ],
    });
    traces.push(...answer.traces);
    // Nobody's telemetry has names too: they are on the status page.
    await sender.send({ endpoint: binnacle.grpc, resource: { "service.name": text }, spans: [{ name: text }] });
    await kube.create(event(shop, pod, text));
  }
  await openCatalog(page, shop);
  await expectHarmless(page, "catalog");
  const path = await servicePath(page, keyOf(shop, "Deployment", "target"));
  for (const tab of TABS) {
    await openTab(page, path, tab);
    await sleep(500);
    await expectHarmless(page, tab);
  }
  for (const trace of traces.slice(0, CORPUS.length * 2)) {
    await page.goto(`/traces/${trace}`);
    await hydrated(page);
    await page.getByTestId("span-row").first().click();
    await expectHarmless(page, `trace ${trace}`);
  }
  await page.goto("/status");
  await hydrated(page);
  await expectHarmless(page, "status");
  // It is shown as the text it is.
  await openTab(page, path, "overview");
  await expect(page.getByTestId("error-group").filter({ hasText: CORPUS[0] }).first()).toBeVisible();
});

test("the URL's own text is harmless", async ({ page, cluster, guard }) => {
  test.setTimeout(300_000);
  guard.allow(/status of 4\d\d/);
  const shop = await freshNamespace(cluster.kube, "addressed");
  await rollOut(cluster.kube, deployment({ namespace: shop, name: "target", replicas: 1 }));
  const service = await servicePath(page, keyOf(shop, "Deployment", "target"));
  for (const text of CORPUS) {
    const encoded = encodeURIComponent(text);
    for (const path of [
      `/?q=${encoded}`,
      `/${encoded}`,
      `/services/${encoded}/a/Deployment/b/overview`,
      `${service}/${encoded}`,
      `${service}/traces?q=${encoded}`,
      `${service}/logs?q=${encoded}`,
      `${service}/metrics?metric=${encoded}&by=${encoded}`,
      `${service}/profiles?q=${encoded}`,
      `${service}/deploys?compare=${encoded}..${encoded}`,
      `/traces/${encoded}`,
      `/deploys?ns=${encoded}`,
    ]) {
      const answer = await page.goto(path);
      expect(answer?.status(), path).toBeLessThan(500);
      await expectHarmless(page, path);
    }
  }
});

test("a canary secret is in no page, response, log or file", async ({ page, request, cluster, binnacle }) => {
  const { kube } = cluster;
  const shop = await freshNamespace(kube, "canary");
  const secrets = canaries();
  // What is no secret is kept and shown: where that is not found, nothing was looked at.
  const plain = { env: "Plain-env-2", map: "Plain-map" };
  const responses: string[] = [];
  const shown: string[] = [];
  page.on("response", async (response) => {
    responses.push(await response.text().catch(() => ""));
  });
  await kube.apply(
    configMap(shop, "vault", {
      level: plain.map,
      password: secrets.map,
      "app.yaml": `db:\n  password: ${secrets.file}\n`,
    }),
  );
  const base = { namespace: shop, name: "vault", configMap: "vault", replicas: 1 };
  for (const suffix of ["", "2"]) {
    // Twice, so that the diff of the deploy has each of them on both sides.
    await rollOut(kube, deployment({ ...base, ...hiding(secrets, suffix) }));
    await sleep(1_000);
  }
  const path = await servicePath(page, keyOf(shop, "Deployment", "vault"));
  for (const tab of TABS) {
    await openTab(page, path, tab);
    if (tab === "deploys") await page.getByTestId("deploy-row").first().click();
    await sleep(500);
    shown.push(await page.content());
  }
  for (const [kind, kept] of [
    ["Deployment", plain.env],
    ["ConfigMap", plain.map],
  ]) {
    await openTab(page, path, "kubernetes");
    const row = page.locator(`[data-testid="resource-row"][data-kind="${kind}"]`).filter({ hasText: "vault" });
    await row.first().getByTestId("resource-link").click();
    await expect(page.getByTestId("resource").getByTestId("yaml"), kind).toContainText(kept);
    shown.push(await page.content());
  }
  for (const place of [`/api/v1/services?namespace=${shop}`, `/api/v1${path}/deploys`, "/metrics", "/status"]) {
    const answer = await request.get(`${binnacle.url}${place}`);
    expect(answer.status(), place).toBe(200);
    responses.push(await answer.text());
  }
  const places = binnacle.placesOf([...Object.values(secrets), ...Object.values(plain), binnacle.url]);
  const placesWith = (text: string) => places.filter((place) => place.endsWith(`: ${text}`));
  for (const kept of Object.values(plain)) {
    const has = (body: string) => body.includes(kept);
    await expect.poll(() => responses.some(has), `a response with ${kept}`).toBe(true);
    expect(shown.some(has), `a page with ${kept}`).toBe(true);
    const tables = placesWith(kept).filter((place) => place.includes("/"));
    expect(tables, `tables with ${kept}`).not.toEqual([]);
  }
  // The log says where Binnacle is to be opened.
  expect(placesWith(binnacle.url)).toContain(`log: ${binnacle.url}`);
  for (const secret of Object.values(secrets)) {
    const leaks = [...responses, ...shown].filter((body) => body.includes(secret));
    expect(leaks.length, `responses with ${secret}`).toBe(0);
    expect(placesWith(secret)).toEqual([]);
  }
});

/** Each looks like what it stands for, and is findable. */
function canaries() {
  const unique = Math.random().toString(36).slice(2, 10);
  return {
    env: `Canary-env-${unique}`,
    argument: `Canary-argument-${unique}`,
    annotation: `Canary-annotation-${unique}`,
    map: `Canary-map-${unique}`,
    file: `Canary-file-${unique}`,
    url: `Canary-url-${unique}`,
    // No name gives these away, only what they look like.
    jwt: `eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJjYW5hcnki${unique}.c2lnbmF0dXJlLW9mLXRoZS1jYW5hcnk`,
    cloud: `AKIA${unique.toUpperCase().padEnd(16, "Q")}`,
  };
}

function hiding(secrets: ReturnType<typeof canaries>, suffix: string) {
  return {
    env: {
      API_TOKEN: secrets.env + suffix,
      DATABASE: `postgres://shop:${secrets.url}${suffix}@db:5432/shop`,
      SESSION: secrets.jwt + suffix,
      REGION: secrets.cloud,
      PLAIN: `Plain-env-${suffix}`,
    },
    args: [`--password=${secrets.argument}${suffix}`, "--verbose"],
    annotations: { "vault.test/token": secrets.annotation + suffix },
  };
}

function event(namespace: string, pod: Obj, message: string) {
  const now = new Date().toISOString();
  return {
    apiVersion: "v1",
    kind: "Event",
    metadata: { namespace, name: `hostile.${Math.random().toString(16).slice(2)}` },
    involvedObject: { apiVersion: "v1", kind: "Pod", namespace, name: pod.metadata.name, uid: pod.metadata.uid },
    type: "Warning",
    reason: "Unhealthy",
    message: `Readiness probe failed: ${message}`,
    count: 1,
    firstTimestamp: now,
    lastTimestamp: now,
    source: { component: message },
  };
}
