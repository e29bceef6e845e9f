//! Profiles of a service: of which types there are any, and one type merged, beside another revision or time.

use app::AppError;
use model::{
    BEFORE, DEPLOY, Deploy, MINUTE, ProfilePage, ProfileTypes, ProfileWords, ProfiledRevision, RevisionHash, SINCE,
    SampleType, ServiceId, Timestamp, Viewer, Window,
};
use store::{ProfileAsk, ProfileSlice};

use super::{Answers, failed, shown_name};

/// Nodes of a tree that are told apart: more would be thinner than a line.
const NODES: u32 = 1_200;
/// A revision's last pods run on for so long after its replacement began.
const ENDING: i64 = 15 * MINUTE;
/// Revisions to choose from.
const REVISIONS: usize = 20;

/// The Profiles tab.
pub(super) async fn page(
    answers: &Answers,
    _viewer: &Viewer,
    id: &ServiceId,
    window: Window,
    words: ProfileWords,
) -> Result<ProfilePage, AppError> {
    answers.known(id)?;
    let telemetry = answers.store.telemetry();
    let types = telemetry.profile_types(id, window).await.map_err(failed)?;
    let deploys = answers.store.deploys(id).await.map_err(failed)?;
    let directory = answers.store.directory();
    let named = |hash: RevisionHash| ProfiledRevision { name: shown_name(&directory, id, &hash), hash };
    let revisions = revisions(&types, &deploys).into_iter().map(named).collect();
    let mut page = ProfilePage { revisions, ..ProfilePage::default() };
    let Some(sample) = sample(&types, &words.sample) else { return Ok(ProfilePage { types, ..page }) };
    let (of, against) = slices(&words, window, &deploys);
    page.revision.clone_from(&of.revision);
    page.against = against.as_ref().and_then(|slice| slice.revision.clone()).filter(|_| !is_time(&words.against));
    // Of one revision it is not known how long of the window it ran.
    let is_whole = of.revision.is_none();
    let ask = ProfileAsk { service: id.clone(), sample: sample.clone(), of, against, nodes: NODES };
    let tree = telemetry.profile(ask).await.map_err(failed)?;
    let from = tree.covered_from.map_or(window.from, |covered| covered.max(window.from));
    let length = if is_whole { window.to.since(from) } else { 0 };
    Ok(ProfilePage { types, shown: Some((sample, tree)), length, ..page })
}

/// Whether what is compared with is another time of the same, not another revision.
fn is_time(against: &str) -> bool {
    against == BEFORE || against.starts_with(SINCE)
}

/// The type that is asked for, or the one that people look for first.
fn sample(types: &ProfileTypes, word: &str) -> Option<SampleType> {
    let asked = word.parse().ok().filter(|asked| types.types.iter().any(|row| row.sample == *asked));
    asked.or_else(|| types.types.first().map(|row| row.sample.clone()))
}

/// Revisions that have profiles, and those of the newest deploy, which is compared even where it left the window.
fn revisions(types: &ProfileTypes, deploys: &[Deploy]) -> Vec<RevisionHash> {
    let mut all: Vec<RevisionHash> = Vec::new();
    let newest = deploys.first().into_iter().flat_map(|deploy| [Some(deploy.to.clone()), deploy.from.clone()]);
    for revision in newest.flatten().chain(types.revisions.iter().cloned()) {
        if !all.contains(&revision) {
            all.push(revision);
        }
    }
    all.truncate(REVISIONS);
    all
}

/// What is shown, and what it is compared with.
fn slices(words: &ProfileWords, window: Window, deploys: &[Deploy]) -> (ProfileSlice, Option<ProfileSlice>) {
    let chosen = |word: &str| (!word.is_empty()).then(|| word.to_owned());
    let (pod, asked) = (chosen(&words.pod), chosen(&words.revision).map(|hash| RevisionHash(hash.into())));
    let of = |revision: Option<RevisionHash>| ProfileSlice { window, revision, pod: pod.clone() };
    // A revision that was replaced ran before: of it, as much is looked at as the window is long, and its end.
    let earlier = |revision: RevisionHash| {
        let replaced = deploys.iter().find(|deploy| deploy.from.as_ref() == Some(&revision));
        let (last, end) = match replaced {
            Some(deploy) => (deploy.started.min(window.from), deploy.started.plus(ENDING).min(window.to)),
            None => (window.from, window.to),
        };
        let window = Window::new(last.plus(-window.length()), end);
        ProfileSlice { window, revision: Some(revision), pod: None }
    };
    if let Some(begin) = words.against.strip_prefix(SINCE).and_then(|millis| millis.parse::<i64>().ok()) {
        let begin = Timestamp(begin.saturating_mul(1_000_000));
        let window = Window::new(begin, begin.plus(window.length()));
        return (of(asked.clone()), Some(ProfileSlice { window, ..of(asked) }));
    }
    match words.against.as_str() {
        "" => (of(asked), None),
        BEFORE => {
            let window = Window::before(window.from, window.length());
            (of(asked.clone()), Some(ProfileSlice { window, ..of(asked) }))
        }
        DEPLOY => match deploys.iter().find_map(|deploy| Some((deploy.to.clone(), deploy.from.clone()?))) {
            Some((to, from)) => (of(Some(asked.unwrap_or(to))), Some(earlier(from))),
            None => (of(asked), None),
        },
        hash => {
            let against = RevisionHash(hash.into());
            let newest = deploys.first().map(|deploy| deploy.to.clone()).filter(|newest| *newest != against);
            (of(asked.or(newest)), Some(earlier(against)))
        }
    }
}

#[cfg(test)]
mod tests {
    use model::{DeployId, DeployKind, DeployPhase, HOUR};

    use super::*;

    fn deploy(from: Option<&str>, to: &str, started: i64) -> Deploy {
        let hash = |hash: &str| RevisionHash(hash.into());
        Deploy {
            id: DeployId { service: ServiceId::new("c", "n", "Deployment", "web"), sequence: 1 },
            from: from.map(hash),
            to: hash(to),
            from_name: None,
            to_name: to.to_owned(),
            kind: DeployKind::Image,
            phase: DeployPhase::Settled { at: Timestamp(started + 1) },
            started: Timestamp(started),
            rollback: false,
            reconstructed: false,
            cause: None,
            changes: Vec::new(),
        }
    }

    fn words(revision: &str, against: &str) -> ProfileWords {
        ProfileWords { revision: revision.into(), against: against.into(), ..ProfileWords::default() }
    }

    #[test]
    fn the_newest_deploy_is_compared_with_what_ran_before_it() {
        let window = Window::new(Timestamp(10 * HOUR), Timestamp(11 * HOUR));
        let deploys = [deploy(Some("v2"), "v3", 8 * HOUR), deploy(Some("v1"), "v2", HOUR)];
        let (of, against) = slices(&words("", DEPLOY), window, &deploys);
        assert_eq!((of.revision, of.window), (Some(RevisionHash("v3".into())), window));
        let against = against.unwrap();
        assert_eq!(against.revision, Some(RevisionHash("v2".into())));
        assert_eq!(against.window, Window::new(Timestamp(7 * HOUR), Timestamp(8 * HOUR + 15 * MINUTE)));
        let (of, against) = slices(&words("v2", "v1"), window, &deploys);
        assert_eq!((of.revision.unwrap().0.as_str(), against.unwrap().window.from), ("v2", Timestamp(0)));
        let (of, against) = slices(&words("", DEPLOY), window, &[deploy(None, "v1", 1)]);
        assert_eq!((of.revision, against), (None, None), "a first deploy has nothing before it");
    }

    #[test]
    fn a_time_is_compared_with_as_long_before_it() {
        let window = Window::new(Timestamp(10 * HOUR), Timestamp(11 * HOUR));
        let (of, against) = slices(&words("v1", BEFORE), window, &[]);
        let against = against.unwrap();
        assert_eq!((of.revision, against.window.from), (against.revision, Timestamp(9 * HOUR)));
        let since = format!("{SINCE}{}", Timestamp(3 * HOUR).millis());
        let (of, against) = slices(&words("v1", &since), window, &[]);
        let against = against.unwrap();
        assert_eq!((of.window, against.window), (window, Window::new(Timestamp(3 * HOUR), Timestamp(4 * HOUR))));
        assert_eq!(against.revision, of.revision);
    }
}
