//! What the API server fills in where an object says nothing.

use serde_json::{Value, json};

use crate::kind::Kind;

/// Fills in what a kind's objects always have.
pub(crate) fn fill(kind: Kind, value: &mut Value) {
    match kind {
        Kind::Namespace => {
            set(value, "spec", json!({"finalizers": ["kubernetes"]}));
            set(value, "status", json!({"phase": "Active"}));
        }
        Kind::Pod => {
            set(value, "status", json!({"phase": "Pending", "qosClass": "Burstable"}));
            pod(&mut value["spec"]);
        }
        Kind::Deployment => {
            let rolling = json!({"maxSurge": "25%", "maxUnavailable": "25%"});
            let spec = &mut value["spec"];
            set(spec, "replicas", json!(1));
            set(spec, "revisionHistoryLimit", json!(10));
            set(spec, "progressDeadlineSeconds", json!(600));
            set(spec, "strategy", json!({"type": "RollingUpdate", "rollingUpdate": rolling}));
            template(spec);
            set(value, "status", json!({}));
        }
        Kind::ReplicaSet => {
            set(&mut value["spec"], "replicas", json!(1));
            template(&mut value["spec"]);
            set(value, "status", json!({"replicas": 0}));
        }
        Kind::StatefulSet | Kind::DaemonSet | Kind::Job | Kind::CronJob => workload(kind, value),
        Kind::Node => set(value, "status", json!({})),
        Kind::Service => {
            set(&mut value["spec"], "type", json!("ClusterIP"));
            set(value, "status", json!({"loadBalancer": {}}));
        }
        _ => {}
    }
}

/// The rest of the workloads.
fn workload(kind: Kind, value: &mut Value) {
    match kind {
        Kind::StatefulSet => {
            let spec = &mut value["spec"];
            set(spec, "replicas", json!(1));
            set(spec, "podManagementPolicy", json!("OrderedReady"));
            set(spec, "updateStrategy", json!({"type": "RollingUpdate", "rollingUpdate": {"partition": 0}}));
            template(spec);
            set(value, "status", json!({"replicas": 0, "availableReplicas": 0}));
        }
        Kind::DaemonSet => {
            let rolling = json!({"maxSurge": 0, "maxUnavailable": 1});
            set(&mut value["spec"], "updateStrategy", json!({"type": "RollingUpdate", "rollingUpdate": rolling}));
            template(&mut value["spec"]);
            let none = json!({"currentNumberScheduled": 0, "numberMisscheduled": 0, "desiredNumberScheduled": 0, "numberReady": 0});
            set(value, "status", none);
        }
        Kind::Job => {
            let spec = &mut value["spec"];
            for (field, default) in [("parallelism", json!(1)), ("completions", json!(1)), ("backoffLimit", json!(6))] {
                set(spec, field, default);
            }
            template(spec);
            set(value, "status", json!({}));
        }
        Kind::CronJob => {
            let spec = &mut value["spec"];
            set(spec, "successfulJobsHistoryLimit", json!(3));
            set(spec, "failedJobsHistoryLimit", json!(1));
            set(spec, "concurrencyPolicy", json!("Allow"));
            set(spec, "suspend", json!(false));
            set(value, "status", json!({}));
        }
        _ => {}
    }
}

fn template(spec: &mut Value) {
    if spec.pointer("/template/spec").is_some_and(Value::is_object) {
        pod(&mut spec["template"]["spec"]);
    }
}

fn pod(spec: &mut Value) {
    for (field, default) in [
        ("restartPolicy", json!("Always")),
        ("terminationGracePeriodSeconds", json!(30)),
        ("dnsPolicy", json!("ClusterFirst")),
        ("schedulerName", json!("default-scheduler")),
    ] {
        set(spec, field, default);
    }
    for container in spec["containers"].as_array_mut().into_iter().flatten() {
        for (field, default) in [
            ("resources", json!({})),
            ("terminationMessagePath", json!("/dev/termination-log")),
            ("terminationMessagePolicy", json!("File")),
            ("imagePullPolicy", json!("IfNotPresent")),
        ] {
            set(container, field, default);
        }
    }
}

/// Sets a top-level field that is not there.
fn set(value: &mut Value, field: &str, default: Value) {
    if value.get(field).is_none_or(Value::is_null) && (value.is_object() || value.is_null()) {
        value[field] = default;
    }
}
