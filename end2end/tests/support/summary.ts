// A kubelet's /stats/summary: its node, fuller with every pod, and of the pods networks that carry more the older a pod
// is, files, and claimed volumes that are as full as the annotation `binnacle.test/volume-used` says. Pure.
import type { Obj } from "./kube";
import { VOLUME_USED } from "./workloads";

/** Bytes a second of a pod's network. */
const RECEIVED = 40_000;
const SENT = 10_000;
const [MIB, GIB] = [2 ** 20, 2 ** 30];
const CAPACITY = 10 * GIB;

export function summaryOf(nodeName: string, pods: Obj[], now: Date): Obj {
  const running = pods.filter((pod) => pod.status.phase === "Running");
  return { node: ofNode(nodeName, running.length, now), pods: running.map((pod) => ofPod(pod, now)) };
}

/** Of the 64 GiB that its stage gives it, and 100 GiB of disk. */
function ofNode(nodeName: string, pods: number, now: Date): Obj {
  const time = now.toISOString();
  const [workingSetBytes, usedBytes] = [GIB + pods * 24 * MIB, 20 * GIB + pods * 8 * MIB];
  return {
    nodeName,
    cpu: { time, usageNanoCores: 2e8 + pods * 5e7 },
    memory: { time, workingSetBytes, availableBytes: 64 * GIB - workingSetBytes },
    fs: { time, usedBytes, availableBytes: 100 * GIB - usedBytes, capacityBytes: 100 * GIB },
  };
}

function ofPod({ metadata, spec, status }: Obj, now: Date): Obj {
  const time = now.toISOString();
  const seconds = Math.max(0, now.getTime() / 1_000 - Date.parse(status.startTime) / 1_000);
  const [rxBytes, txBytes] = [RECEIVED, SENT].map((rate) => Math.round(seconds * rate));
  const eth0 = { name: "eth0", rxBytes, txBytes, rxErrors: 0, txErrors: 0 };
  const used = Number(metadata.annotations?.[VOLUME_USED] ?? 0.1);
  const claimed = (spec.volumes ?? []).filter((volume: Obj) => volume.persistentVolumeClaim);
  return {
    podRef: { name: metadata.name, namespace: metadata.namespace, uid: metadata.uid },
    startTime: status.startTime,
    containers: spec.containers.map(({ name }: Obj) => ({ name, rootfs: { time, usedBytes: 8 * MIB } })),
    network: { time, ...eth0, interfaces: [eth0] },
    volume: claimed.map(({ name, persistentVolumeClaim }: Obj) => ({
      time,
      name,
      capacityBytes: CAPACITY,
      availableBytes: Math.round(CAPACITY * (1 - used)),
      pvcRef: { name: persistentVolumeClaim.claimName, namespace: metadata.namespace },
    })),
  };
}
