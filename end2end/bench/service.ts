// A service of a simulated cluster that sends requests.
import type { Binnacle } from "../tests/support/binnacle";
import { attributes, type Metric, sendMetrics, sendSpans, span } from "./otlp";

const ENDPOINTS = 8;

/** What the first service of a simulated cluster says of itself. */
const RESOURCE = {
  "k8s.namespace.name": "load-000",
  "k8s.deployment.name": "service-00000",
  "service.name": "service-00000",
};

/** Where that service has its pages. */
export async function pathOfFirst(binnacle: Binnacle): Promise<string> {
  const services = await (await fetch(`${binnacle.url}/api/v1/services?limit=1`)).json();
  return `/services/${services.items[0].id}`;
}

/** So many of its requests, the last of them now; one in fifty fails. */
export async function sendRequests(endpoint: string, count: number, milliseconds: number): Promise<void> {
  const now = Date.now();
  const requests = Array.from({ length: count }, (_, at) => {
    const route = `/items/${at % ENDPOINTS}`;
    const status = at % 50 === 0 ? "500" : "200";
    const of = { "http.request.method": "GET", "http.route": route, "http.response.status_code": status };
    const length = 5 + (at % 97);
    const from = now - length - (milliseconds * (count - 1 - at)) / count;
    return span({ kind: 2, attributes: attributes(of) }, `GET ${route}`, from, length);
  });
  await sendSpans(endpoint, RESOURCE, requests);
}

/** An hour of so many gauges, each of so many series. */
export async function sendGauges(endpoint: string, metrics: number, pods: string[]): Promise<void> {
  const every = 15_000;
  const count = 3_600_000 / every;
  for (const [phase, pod] of pods.entries()) {
    const gauges = Array.from({ length: metrics }, (_, at): Metric => {
      const value = (step: number) => 50 + 10 * phase + 8 * Math.sin(step / 9 + at) + ((step * 7 + at) % 11);
      const values = Array.from({ length: count }, (_, step) => value(step));
      return { name: `pool.${String(at).padStart(3, "0")}.size`, attributes: {}, every, values };
    });
    await sendMetrics(endpoint, { ...RESOURCE, "k8s.pod.name": pod }, gauges);
  }
}
