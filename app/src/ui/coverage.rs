//! Whose logs are read by the log stream and whose are not, in words.

use model::LogCoverage;

use super::number::{count, plural};

/// What of the pods' logs is not read, why, and what changes it; nothing where all of it is.
pub(crate) fn missing(coverage: &LogCoverage) -> Option<String> {
    let lines = (coverage.left_out > 0).then(|| {
        let lines = plural(coverage.left_out, "line that came too fast was", "lines that came too fast were");
        format!("{lines} left out since Binnacle started.")
    });
    let pods = (!coverage.is_whole()).then(|| told(coverage));
    let said: Vec<String> = pods.into_iter().chain(lines).collect();
    (!said.is_empty()).then(|| said.join(" "))
}

/// How much is read, also where it is all; nothing where no pod has a log.
pub(crate) fn whole(coverage: &LogCoverage) -> Option<String> {
    let own = plural(coverage.own.into(), "pod sends its own logs", "pods send their own logs");
    match (missing(coverage), of(coverage), coverage.own) {
        (None, 0, 0) => None,
        (None, 0, _) => Some(format!("{own}.")),
        (None, all, 0) => Some(format!("Logs of {} are read.", plural(all.into(), "pod", "pods"))),
        (None, all, _) => Some(format!("Logs of {} are read, {own}.", plural(all.into(), "pod", "pods"))),
        (Some(missing), _, 0) => Some(missing),
        (Some(missing), ..) => Some(format!("{missing} {own}.")),
    }
}

/// Pods that do not send their own.
fn of(coverage: &LogCoverage) -> u32 {
    coverage.pods + coverage.opted_out + coverage.elsewhere
}

fn told(coverage: &LogCoverage) -> String {
    if coverage.streams == 0 {
        return "Logs of pods are not read (--log-streams=0).".into();
    }
    let streams = count(coverage.streams.into());
    let reasons = [
        (coverage.beyond, format!("beyond the limit of {streams} streams, which --log-streams raises")),
        (coverage.refused, "refused by the API server (403): the account may not get pods/log".into()),
        (coverage.opted_out, "opted out by the annotation binnacle.dev/logs".into()),
        (coverage.elsewhere, "in namespaces that --log-namespace leaves out".into()),
    ];
    let reasons = reasons.into_iter().filter(|(pods, _)| *pods > 0);
    let reasons: Vec<String> = reasons.map(|(pods, why)| format!("{} {why}", count(pods.into()))).collect();
    let (read, all) = (count(coverage.read.into()), count(of(coverage).into()));
    format!("Logs of {read} of {all} pods are read. Not read: {}.", reasons.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_says_how_many_pods_and_what_changes_it() {
        let all = LogCoverage { pods: 12, read: 12, streams: 500, ..LogCoverage::default() };
        assert_eq!(missing(&all), None);
        assert_eq!(whole(&all).as_deref(), Some("Logs of 12 pods are read."));
        assert_eq!(whole(&LogCoverage::default()), None);
        let own = LogCoverage { own: 1, ..LogCoverage::default() };
        assert_eq!((missing(&own), whole(&own).as_deref()), (None, Some("1 pod sends its own logs.")));
        let some = LogCoverage { pods: 1_240, beyond: 1_200, refused: 28, opted_out: 3, own: 2, ..all };
        let told = "Logs of 12 of 1,243 pods are read. Not read: 1,200 beyond the limit of 500 streams, which \
                    --log-streams raises; 28 refused by the API server (403): the account may not get pods/log; 3 opted \
                    out by the annotation binnacle.dev/logs.";
        assert_eq!(missing(&some).as_deref(), Some(told));
        assert_eq!(whole(&some), Some(format!("{told} 2 pods send their own logs.")));
        let elsewhere = LogCoverage { elsewhere: 4, ..all };
        assert!(missing(&elsewhere).is_some_and(|told| told.contains("4 in namespaces that --log-namespace")));
        let none = LogCoverage { read: 0, beyond: 12, streams: 0, ..all };
        assert_eq!(missing(&none).as_deref(), Some("Logs of pods are not read (--log-streams=0)."));
        let fast = LogCoverage { left_out: 1, ..all };
        let told = "1 line that came too fast was left out since Binnacle started.";
        assert_eq!(missing(&fast).as_deref(), Some(told));
    }
}
