// Telemetry in numbers that Python's SDK is too slow for: OTLP over HTTP as JSON, in requests of a few thousand records.
import { randomBytes } from "node:crypto";

/** Records of a request. */
const REQUEST = 5_000;

export interface Span {
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  /** Number of OTLP's `SpanKind`. */
  kind: number;
  name: string;
  /** Nanoseconds since 1970, in digits: they do not fit into a double. */
  startTimeUnixNano: string;
  endTimeUnixNano: string;
  attributes: { key: string; value: { stringValue: string } }[];
}

export const id = (bytes: number) => randomBytes(bytes).toString("hex");

export const attributes = (of: Record<string, string>) =>
  Object.entries(of).map(([key, value]) => ({ key, value: { stringValue: value } }));

const text = (milliseconds: number) => BigInt(Math.round(milliseconds * 1e6)).toString();

/** A span from a moment on (milliseconds since 1970), for so many milliseconds. */
export function span(of: Partial<Span>, name: string, from: number, length: number): Span {
  return {
    traceId: id(16),
    spanId: id(8),
    kind: 1,
    name,
    startTimeUnixNano: text(from),
    endTimeUnixNano: text(from + length),
    attributes: [],
    ...of,
  };
}

/** Sends a request; what is not taken whole is an error. */
async function send(endpoint: string, signal: "traces" | "metrics", body: object): Promise<void> {
  const headers = { "content-type": "application/json" };
  const answer = await fetch(`${endpoint}/v1/${signal}`, { method: "POST", headers, body: JSON.stringify(body) });
  const said = await answer.text();
  if (!answer.ok || /rejected/i.test(said)) throw new Error(`${signal} were not taken: ${answer.status} ${said}`);
}

type Resource = Record<string, string>;

/** Sends the spans of one resource. */
export async function sendSpans(endpoint: string, resource: Resource, spans: Span[]): Promise<void> {
  for (let first = 0; first < spans.length; first += REQUEST) {
    const scopeSpans = [{ scope: { name: "bench" }, spans: spans.slice(first, first + REQUEST) }];
    await send(endpoint, "traces", { resourceSpans: [{ resource: { attributes: attributes(resource) }, scopeSpans }] });
  }
}

/** A counter's or a gauge's values, the last of them now, so many milliseconds apart. */
export interface Metric {
  name: string;
  isCounter?: boolean;
  attributes: Record<string, string>;
  every: number;
  values: number[];
}

/** Sends the metrics of one resource. */
export async function sendMetrics(endpoint: string, resource: Resource, all: Metric[]): Promise<void> {
  const now = Date.now();
  const metrics = all.map(({ name, isCounter, values, every, ...of }) => {
    const dataPoints = values.map((asDouble, at) => ({
      attributes: attributes(of.attributes),
      startTimeUnixNano: text(now - values.length * every),
      timeUnixNano: text(now - (values.length - 1 - at) * every),
      asDouble,
    }));
    // Cumulative.
    return isCounter ? { name, sum: { aggregationTemporality: 2, isMonotonic: true, dataPoints } } : { name, gauge: { dataPoints } };
  });
  const scopeMetrics = [{ scope: { name: "bench" }, metrics }];
  await send(endpoint, "metrics", { resourceMetrics: [{ resource: { attributes: attributes(resource) }, scopeMetrics }] });
}

/** A trace of so many spans in four levels and six services, ten seconds long; resolves to its id. */
export async function sendTrace(endpoint: string, count: number): Promise<string> {
  const [traceId, began, whole] = [id(16), Date.now() - 60_000, 10_000];
  const names = ["gateway", "orders", "stock", "prices", "payments", "mail"];
  const of = names.map(() => [] as Span[]);
  const add = (service: number, parent: Span | undefined, name: string, from: number, length: number) => {
    const route = attributes({ "http.request.method": "POST", "http.route": name });
    const kind = parent ? { kind: 1, attributes: attributes({ "code.function.name": name }) } : { kind: 2, attributes: route };
    const made = span({ traceId, ...kind, parentSpanId: parent?.spanId }, name, from, length);
    of[service].push(made);
    return made;
  };
  const root = add(0, undefined, "/import", began, whole);
  // 200 batches of 25 steps; what is left of the spans is spread over the steps.
  const [batches, steps] = [200, 25];
  const leaves = count - 1 - batches - batches * steps;
  const before = (step: number) => Math.floor((step * leaves) / (batches * steps));
  for (let batch = 0; batch < batches; batch += 1) {
    const [from, length] = [began + (batch * whole) / batches, whole / batches];
    const outer = add(1, root, `batch ${batch}`, from, length);
    for (let step = 0; step < steps; step += 1) {
      const [start, part] = [from + (step * length) / steps, length / steps];
      const inner = add(2 + (step % 4), outer, `step ${step}`, start, part);
      const own = before(batch * steps + step + 1) - before(batch * steps + step);
      for (let leaf = 0; leaf < own; leaf += 1) {
        const name = `read row ${leaf} of the table`;
        add(2 + ((step + leaf) % 4), inner, name, start + (leaf * part) / own, part / own);
      }
    }
  }
  for (const [at, spans] of of.entries()) await sendSpans(endpoint, { "service.name": names[at] }, spans);
  return traceId;
}
