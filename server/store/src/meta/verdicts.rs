//! Verdicts beside the deploys they are on, and which deploys are to be looked at.

use model::{Deploy, DeployId, FeedQuery, FeedRow, MINUTE, ServiceId, Timestamp, Verdict, Window};
use sqlx::{Connection, Row};

use super::Meta;
use super::rows::parse;
use crate::{DueDeploy, Error, Judgement};

/// Service, sequence, what was said of it, the deploy, the one after it.
type DueRow = (String, u32, Option<String>, String, Option<String>);

impl Meta {
    /// See `Store::due_deploys`.
    pub(crate) async fn due_deploys(&self, now: Timestamp, limit: u32) -> Result<Vec<DueDeploy>, Error> {
        let is_any = "select exists (select 1 from verdicts where due <= ?1)";
        let (is_any,): (bool,) = sqlx::query_as(is_any).bind(now.0).fetch_one(&mut *self.readers.get().await?).await?;
        if !is_any {
            return Ok(Vec::new());
        }
        let mut guard = self.writer().await?;
        let mut transaction = guard.connection().begin_with("begin immediate").await?;
        // Of one service the earliest first: a later deploy is held against what was said of those before it.
        let rows: Vec<DueRow> = sqlx::query_as(
            "with chosen as (
                 select service, sequence, brief, max(started) over (partition by service) as latest
                 from verdicts join deploys using (service, sequence) where due <= ?1
                 order by latest desc, service, sequence limit ?2)
             select service, sequence, brief, deploys.body,
                 (select body from deploys as later where later.service = chosen.service
                     and later.sequence > chosen.sequence order by later.sequence limit 1)
             from chosen join deploys using (service, sequence) order by latest desc, service, sequence",
        )
        .bind(now.0)
        .bind(limit)
        .fetch_all(&mut *transaction)
        .await?;
        let taken: Vec<_> = rows.iter().map(|(service, sequence, ..)| serde_json::json!([service, sequence])).collect();
        // Not 0 any more: that a deploy changes while it is judged shows.
        sqlx::query(
            "update verdicts set due = ?2 where (service, sequence) in
                 (select value ->> 0, value ->> 1 from json_each(?1))",
        )
        .bind(serde_json::Value::from(taken).to_string())
        .bind(now.plus(MINUTE).0)
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        drop(guard);
        let due = |(service, sequence, brief, deploy, later): DueRow| {
            let read = || {
                let later = later.map(|text| parse::<Deploy>(&text)).transpose()?;
                Ok::<_, Error>(DueDeploy { deploy: parse(&deploy)?, later, said: brief.and_then(|brief| said(&brief)) })
            };
            // One that can't be read must not hold up the others.
            read().inspect_err(|error| tracing::error!("deploy {sequence} of {service} can't be judged: {error}")).ok()
        };
        Ok(rows.into_iter().filter_map(due).collect())
    }

    /// See `Store::look_again`.
    pub(crate) async fn look_again(&self, deploys: &[(&DeployId, Option<Timestamp>)]) -> Result<(), Error> {
        if deploys.is_empty() {
            return Ok(());
        }
        let rows: Vec<_> =
            deploys.iter().map(|(id, due)| (id.service.to_string(), id.sequence, due.map(|at| at.0))).collect();
        let rows = serde_json::to_string(&rows).map_err(|error| Error::Damaged(format!("when to look: {error}")))?;
        sqlx::query(
            "update verdicts set due = iif(verdicts.due = 0, 0, told.value ->> 2) from json_each(?1) as told
             where service = told.value ->> 0 and sequence = told.value ->> 1",
        )
        .bind(rows)
        .execute(self.writer().await?.connection())
        .await?;
        Ok(())
    }

    /// See `Store::keep_verdict`.
    pub(crate) async fn keep_verdict(
        &self,
        id: &DeployId,
        (verdict, brief): (&Verdict, &Judgement),
        due: Option<Timestamp>,
    ) -> Result<(), Error> {
        let text = |error: serde_json::Error| Error::Damaged(format!("a verdict: {error}"));
        let mut guard = self.writer().await?;
        sqlx::query(
            "update verdicts set due = iif(due = 0, 0, ?3), judged = ?4, level = ?5, brief = ?6, body = ?7
             where service = ?1 and sequence = ?2",
        )
        .bind(id.service.to_string())
        .bind(id.sequence)
        .bind(due.map(|at| at.0))
        .bind(verdict.judged_at.0)
        .bind(verdict.level.key())
        .bind(serde_json::to_string(brief).map_err(text)?)
        .bind(serde_json::to_string(verdict).map_err(text)?)
        .execute(guard.connection())
        .await?;
        Ok(())
    }

    /// A deploy's verdict with all its evidence.
    pub(crate) async fn verdict(&self, id: &DeployId) -> Result<Option<Verdict>, Error> {
        let row: Option<(Option<String>,)> =
            sqlx::query_as("select body from verdicts where service = ?1 and sequence = ?2")
                .bind(id.service.to_string())
                .bind(id.sequence)
                .fetch_optional(&mut *self.readers.get().await?)
                .await?;
        row.and_then(|(body,)| body).map(|text| parse(&text)).transpose()
    }

    /// Verdicts on a service's deploys in short, newest first.
    pub(crate) async fn judgements(&self, service: &ServiceId) -> Result<Vec<Judgement>, Error> {
        let rows: Vec<(String,)> = sqlx::query_as(
            "select brief from verdicts where service = ?1 and brief is not null order by sequence desc",
        )
        .bind(service.to_string())
        .fetch_all(&mut *self.readers.get().await?)
        .await?;
        Ok(rows.into_iter().filter_map(|(brief,)| said(&brief)).collect())
    }

    /// Of each service the verdict on its newest deploy, in short, where there is one.
    pub(crate) async fn newest_judgements(&self) -> Result<Vec<(ServiceId, Judgement)>, Error> {
        let rows: Vec<(String, u32, String)> = sqlx::query_as(
            "select service, sequence, brief from verdicts where brief is not null and sequence =
                 (select max(sequence) from deploys where deploys.service = verdicts.service)",
        )
        .fetch_all(&mut *self.readers.get().await?)
        .await?;
        let read = |(service, _, brief): &(String, u32, String)| Some((service.parse().ok()?, said(brief)?));
        let (found, unread): (Vec<_>, Vec<_>) = rows.iter().map(|row| read(row).ok_or(row)).partition(Result::is_ok);
        // What another version wrote and this one can't read is judged again, not a reason to stop.
        for (service, sequence, _) in unread.into_iter().filter_map(Result::err) {
            sqlx::query("update verdicts set due = 0 where service = ?1 and sequence = ?2")
                .bind(service)
                .bind(sequence)
                .execute(self.writer().await?.connection())
                .await?;
        }
        Ok(found.into_iter().filter_map(Result::ok).collect())
    }

    /// A page of all deploys, newest first. A first revision that was found afterwards is one only where it was judged:
    /// else it is what there was when Binnacle came.
    pub(crate) async fn feed(&self, ask: &FeedQuery) -> Result<Vec<FeedRow>, Error> {
        let levels: Vec<&str> = ask.levels.iter().map(|level| level.key()).collect();
        let rows = sqlx::query(
            "with all_of as (
                 select deploys.body, brief, level, service, sequence, started,
                     substr(service, instr(service, '/') + 1) as place
                 from deploys left join verdicts using (service, sequence)
                 where (deploys.body ->> 'kind' <> 'First' or not deploys.body ->> 'reconstructed' or level is not null)
                     and started <= ?1 and started >= ?8 and started < ?9
                     and (?2 is null or started < ?1 or (service, sequence) < (?2, ?3))),
             named as (
                 select *, substr(place, 1, instr(place, '/') - 1) as namespace,
                     substr(place, instr(place, '/') + 1) as kind_and_name
                 from all_of)
             select body, brief from named
             where (?4 = '[]' or level in (select value from json_each(?4)))
                 and (?5 = '' or namespace = ?5)
                 and (?6 = '' or instr(lower(namespace || '/' || substr(kind_and_name, instr(kind_and_name, '/') + 1)
                     || ' ' || (body ->> 'to_name')), ?6) > 0)
             order by started desc, service desc, sequence desc limit ?7",
        )
        .bind(ask.before.as_ref().map_or(i64::MAX, |place| place.started.0))
        .bind(ask.before.as_ref().map(|place| place.id.service.to_string()))
        .bind(ask.before.as_ref().map(|place| place.id.sequence))
        .bind(serde_json::json!(levels).to_string())
        .bind(&ask.namespace)
        .bind(ask.text.trim().to_lowercase())
        .bind(ask.limit)
        .bind(ask.window.map_or(i64::MIN, |window| window.from.0))
        .bind(ask.window.map_or(i64::MAX, |window| window.to.0))
        .fetch_all(&mut *self.readers.get().await?)
        .await?;
        let row = |row: sqlx::sqlite::SqliteRow| {
            let brief: Option<String> = row.try_get(1)?;
            let verdict = brief.and_then(|text| said(&text)).map(|brief| brief.judged);
            Ok(FeedRow { deploy: parse(row.try_get(0)?)?, verdict })
        };
        rows.into_iter().map(row).collect()
    }

    /// How many deploys started in a window, of those that are in the feed.
    pub(crate) async fn count_deploys(&self, window: Window) -> Result<u32, Error> {
        let count = sqlx::query_scalar(
            "select count(*) from deploys left join verdicts using (service, sequence)
             where (deploys.body ->> 'kind' <> 'First' or not deploys.body ->> 'reconstructed' or level is not null)
                 and started >= ?1 and started < ?2",
        );
        Ok(count.bind(window.from.0).bind(window.to.0).fetch_one(&mut *self.readers.get().await?).await?)
    }
}

/// A verdict in short; nothing where another version wrote it so that this one can't read it.
fn said(brief: &str) -> Option<Judgement> {
    parse(brief).inspect_err(|error| tracing::warn!("a verdict in short can't be read: {error}")).ok()
}
