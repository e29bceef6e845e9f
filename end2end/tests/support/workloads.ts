// Kubernetes objects as the tests need them, and the waits that belong to them.
import type { Kube, Obj } from "./kube";

/** Pod annotations that the KWOK stages act on. */
export const FATE = "binnacle.test/fate";
export const READY_AFTER = "binnacle.test/ready-after";
/** And those that kubelets act on: lines that each run says, a volume's used share; `figures.yaml` has two more. */
export const SAYS = "binnacle.test/says";
export const VOLUME_USED = "binnacle.test/volume-used";

export interface Workload {
  namespace: string;
  name: string;
  image?: string;
  replicas?: number;
  env?: Record<string, string>;
  args?: string[];
  annotations?: Record<string, string>;
  memory?: string;
  /** Name of a ConfigMap to take the environment from. */
  configMap?: string;
}

export function namespace(name: string): Obj {
  return { apiVersion: "v1", kind: "Namespace", metadata: { name } };
}

export function configMap(where: string, name: string, data: Record<string, string>): Obj {
  return { apiVersion: "v1", kind: "ConfigMap", metadata: { name, namespace: where }, data };
}

/** A volume that is there, and the claim that has it. */
export function claimedVolume(where: string, name: string): [volume: Obj, claim: Obj] {
  const size = { storage: "10Gi" };
  const shared = { accessModes: ["ReadWriteOnce"], storageClassName: "" };
  const volume = { ...shared, capacity: size, hostPath: { path: `/volumes/${name}` } };
  const claim = { ...shared, resources: { requests: size }, volumeName: `${where}-${name}` };
  return [
    { apiVersion: "v1", kind: "PersistentVolume", metadata: { name: `${where}-${name}` }, spec: volume },
    { apiVersion: "v1", kind: "PersistentVolumeClaim", metadata: { name, namespace: where }, spec: claim },
  ];
}

function template(of: Workload, restartPolicy = "Always"): Obj {
  const env = Object.entries(of.env ?? {}).map(([name, value]) => ({ name, value }));
  return {
    metadata: { labels: { app: of.name }, ...(of.annotations && { annotations: of.annotations }) },
    spec: {
      restartPolicy,
      containers: [
        {
          name: "main",
          image: of.image ?? `registry.test/${of.name}:v1`,
          ...(env.length > 0 && { env }),
          ...(of.args && { args: of.args }),
          ...(of.configMap && { envFrom: [{ configMapRef: { name: of.configMap } }] }),
          resources: { requests: { memory: of.memory ?? "64Mi" }, limits: { memory: of.memory ?? "64Mi" } },
        },
      ],
    },
  };
}

function object(apiVersion: string, kind: string, of: Workload, spec: Obj): Obj {
  return { apiVersion, kind, metadata: { name: of.name, namespace: of.namespace }, spec };
}

function selected(of: Workload): Obj {
  return { selector: { matchLabels: { app: of.name } }, template: template(of) };
}

export function deployment(of: Workload): Obj {
  return object("apps/v1", "Deployment", of, { replicas: of.replicas ?? 2, ...selected(of) });
}

export function replicaSet(of: Workload): Obj {
  return object("apps/v1", "ReplicaSet", of, { replicas: of.replicas ?? 1, ...selected(of) });
}

export function statefulSet(of: Workload): Obj {
  return object("apps/v1", "StatefulSet", of, { replicas: of.replicas ?? 2, serviceName: of.name, ...selected(of) });
}

export function daemonSet(of: Workload): Obj {
  return object("apps/v1", "DaemonSet", of, selected(of));
}

export function cronJob(of: Workload, schedule = "* * * * *"): Obj {
  return object("batch/v1", "CronJob", of, { schedule, jobTemplate: { spec: { template: template(of, "Never") } } });
}

/** `kubectl create job --from`: a test need not wait for the minute. */
export function jobFrom(cron: Obj, name: string): Obj {
  return {
    apiVersion: "batch/v1",
    kind: "Job",
    metadata: {
      name,
      namespace: cron.metadata.namespace,
      annotations: { "cronjob.kubernetes.io/instantiate": "manual" },
      ownerReferences: [
        { apiVersion: "batch/v1", kind: "CronJob", name: cron.metadata.name, uid: cron.metadata.uid, controller: true },
      ],
    },
    spec: cron.spec.jobTemplate.spec,
  };
}

/** Creates a namespace of its own, so that specs cannot see each other's objects. */
export async function freshNamespace(kube: Kube, prefix: string): Promise<string> {
  const name = `${prefix}-${Date.now().toString(36).slice(-6)}`;
  await kube.apply(namespace(name));
  await kube.wait("ServiceAccount", name, "default", "there", () => true);
  return name;
}

/** Every wanted pod is of the newest template, ready and available. */
export function hasSettled(object: Obj): boolean {
  const { spec, status = {}, metadata, kind } = object;
  if (status.observedGeneration !== metadata.generation) return false;
  if (kind === "DaemonSet") {
    const wanted = status.desiredNumberScheduled;
    return wanted > 0 && status.updatedNumberScheduled === wanted && status.numberAvailable === wanted;
  }
  if (kind === "ReplicaSet") return (status.availableReplicas ?? 0) === spec.replicas;
  const updated = kind === "StatefulSet" ? status.currentRevision === status.updateRevision : true;
  return (
    updated &&
    (status.replicas ?? 0) === spec.replicas &&
    (status.availableReplicas ?? 0) === spec.replicas &&
    // Of a Deployment none is written as nothing, which is so when its new ReplicaSet has no pod yet.
    (status.updatedReplicas ?? (kind === "Deployment" ? 0 : spec.replicas)) === spec.replicas
  );
}

/** Applies the objects and waits until their pods run. */
export async function rollOut(kube: Kube, ...objects: Obj[]): Promise<void> {
  await kube.apply(...objects);
  for (const { kind, metadata } of objects) {
    if (["Deployment", "ReplicaSet", "StatefulSet", "DaemonSet"].includes(kind)) {
      await kube.wait(kind, metadata.namespace, metadata.name, "settled", hasSettled);
    }
  }
}

/** The running pods of a workload, newest first. */
export async function podsOf(kube: Kube, where: string, name: string): Promise<Obj[]> {
  const pods = await kube.list("Pod", where, `app=${name}`);
  return pods
    .filter((pod) => pod.status.phase === "Running" && !pod.metadata.deletionTimestamp)
    .sort((a, b) => b.metadata.creationTimestamp.localeCompare(a.metadata.creationTimestamp));
}
