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

/** Hours of what the Metrics tab draws of itself, and of a gauge `pool` of twelve series. */
export async function sendLevels(endpoint: string, milliseconds: number): Promise<void> {
  const every = 15_000;
  const count = milliseconds / every;
  const level = (name: string, of: Record<string, string> = {}, phase = 0): Metric => {
    const values = Array.from({ length: count }, (_, at) => 50 + 10 * phase + 8 * Math.sin(at / 9 + phase) + (at % 7));
    return { name, attributes: of, every, values };
  };
  const total = (name: string, of: Record<string, string>, phase: number): Metric => {
    let sum = 0;
    const { values, ...metric } = level(name, of, phase);
    return { ...metric, isCounter: true, values: values.map((value) => (sum += value)) };
  };
  const twelve = Array.from({ length: 12 }, (_, at) => at);
  await sendMetrics(endpoint, RESOURCE, [
    ...["container.cpu.usage", "container.memory.working_set", "http.server.active_requests"].map((name) => level(name)),
    ...["go.goroutine.count", "process.thread.count"].map((name) => level(name)),
    ...twelve.map((at) => total("container.network.io", { "network.io.direction": `link-${at}` }, at)),
    ...twelve.map((at) => level("pool", { part: `part-${at}` }, at)),
  ]);
}
