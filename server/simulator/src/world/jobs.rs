//! Jobs and CronJobs.

use model::Timestamp;
use serde_json::{Value, json};

use super::{Due, World, condition, owner_reference};
use crate::kind::Kind;
use crate::object::{Key, Object, number, text, uid};
use crate::time::{self, MINUTE};

impl World {
    /// Runs a Job's pods, and notes how they ended.
    pub(super) fn job(&mut self, object: &Object) {
        let job = object.value(Kind::Job);
        let conditions = job["status"]["conditions"].as_array();
        if conditions.is_some_and(|all| !all.is_empty()) || job["spec"]["suspend"] == Value::Bool(true) {
            return;
        }
        let pods = self.objects.owned(Kind::Pod, uid(&job));
        let count = |phase: &str| {
            pods.iter().filter(|pod| pod.plain_value().is_some_and(|pod| text(pod, "/status/phase") == phase)).count()
                as i64
        };
        let (succeeded, failed, wanted) =
            (count("Succeeded"), count("Failed"), number(&job, "/spec/completions").max(1));
        let active = pods.len() as i64 - succeeded - failed;
        if succeeded < wanted && active == 0 && failed <= number(&job, "/spec/backoffLimit") {
            let mut template = job["spec"]["template"].clone();
            template["metadata"]["labels"]["batch.kubernetes.io/job-name"] = json!(text(&job, "/metadata/name"));
            template["metadata"]["labels"]["batch.kubernetes.io/controller-uid"] = json!(uid(&job));
            let name = format!("{}-{}", text(&job, "/metadata/name"), self.random.suffix(5));
            self.create_pod(Kind::Job, &job, &name, &template);
            self.event(Kind::Job, &job, "Normal", "SuccessfulCreate", &format!("Created pod: {name}"));
        }
        let now = self.now();
        let started = job["status"].get("startTime").cloned().unwrap_or_else(|| json!(time::text(now)));
        let mut status = json!({"startTime": started, "uncountedTerminatedPods": {}});
        if succeeded >= wanted {
            condition(
                &mut status,
                now,
                "SuccessCriteriaMet",
                "True",
                "CompletionsReached",
                "Reached expected number of succeeded pods",
            );
            condition(
                &mut status,
                now,
                "Complete",
                "True",
                "CompletionsReached",
                "Reached expected number of succeeded pods",
            );
            status["completionTime"] = json!(time::text(now));
            self.event(Kind::Job, &job, "Normal", "Completed", "Job completed");
        } else {
            status["active"] = json!(1);
        }
        for (field, count) in [("succeeded", succeeded), ("failed", failed)] {
            if count > 0 {
                status[field] = json!(count);
            }
        }
        self.set_status(Kind::Job, object, status);
    }

    /// Notes when a CronJob is next due, once.
    pub(super) fn cron(&mut self, object: &Object) {
        let planned = self.timers.values().any(|due| matches!(due, Due::Cron(key) if *key == object.key));
        let cron = object.value(Kind::CronJob);
        self.clean_jobs(&cron);
        if let Some(next) = next(text(&cron, "/spec/schedule"), self.now()).filter(|_| !planned) {
            self.at(next, Due::Cron(object.key.clone()));
        }
    }

    /// A CronJob is due.
    pub(super) fn run_cron(&mut self, key: &Key) {
        let Some(object) = self.objects.get(Kind::CronJob, key) else { return };
        let (cron, now) = (object.value(Kind::CronJob), self.now());
        if cron["spec"]["suspend"] != Value::Bool(true) {
            let name = format!("{}-{}", key.name, now.0 / MINUTE);
            let template = &cron["spec"]["jobTemplate"];
            let mut job = json!({
                "metadata": {"name": name, "namespace": &*key.namespace, "labels": template["spec"]["template"]["metadata"]["labels"],
                    "ownerReferences": owner_reference(Kind::CronJob, &cron)},
                "spec": template["spec"],
            });
            crate::defaults::fill(Kind::Job, &mut job);
            // A second one in the same minute is the same one.
            let _ = self.objects.create(Kind::Job, job);
            self.objects.modify(Kind::CronJob, key, |cron| cron["status"]["lastScheduleTime"] = json!(time::text(now)));
        }
        self.cron(&object);
    }

    fn clean_jobs(&mut self, cron: &Value) {
        let jobs = self.objects.owned(Kind::Job, uid(cron));
        let mut done: Vec<_> = jobs
            .iter()
            .filter(|job| job.plain_value().is_some_and(|job| number(job, "/status/succeeded") > 0))
            .collect();
        done.sort_by(|a, b| a.key.name.cmp(&b.key.name));
        let extra = done.len().saturating_sub(number(cron, "/spec/successfulJobsHistoryLimit").max(0) as usize);
        for job in &done[..extra] {
            self.objects.remove(Kind::Job, &job.key);
        }
    }
}

/// When a schedule is next due: `minute hour * * *` or `*/n * * * *`.
fn next(schedule: &str, now: Timestamp) -> Option<Timestamp> {
    let mut parts = schedule.split_whitespace();
    let (minute, hour) = (parts.next()?, parts.next()?);
    let due = |at: i64| {
        let fits = |field: &str, value: i64| match field.strip_prefix("*/") {
            Some(every) => every.parse::<i64>().is_ok_and(|every| every > 0 && value % every == 0),
            None => field == "*" || field.parse() == Ok(value),
        };
        fits(minute, at % 60) && fits(hour, at / 60 % 24)
    };
    let first = now.0.div_euclid(MINUTE) + 1;
    (first..first + 2 * 24 * 60).find(|at| due(*at)).map(|at| Timestamp(at * MINUTE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schedule_is_due_at_its_minute() {
        let at = |text: &str| time::parse(text).unwrap();
        for (schedule, expect) in [
            ("30 2 * * *", "2026-11-25T02:30:00Z"),
            ("*/15 * * * *", "2026-11-24T07:15:00Z"),
            ("5 * * * *", "2026-11-24T07:05:00Z"),
        ] {
            assert_eq!(next(schedule, at("2026-11-24T07:03:20Z")), Some(at(expect)), "{schedule}");
        }
        assert_eq!(next("", at("2026-11-24T07:03:20Z")), None);
    }
}
