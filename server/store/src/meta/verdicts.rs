//! Verdicts beside the deploys they are on, and which deploys are to be looked at.

use model::{Deploy, DeployId, FeedQuery, FeedRow, MINUTE, ServiceId, Timestamp, Verdict};
use sqlx::{Connection, Row};

use super::Meta;
use super::rows::parse;
use crate::{DueDeploy, Error, Judgement};

/// Service, sequence, the end of its verdict's data, the deploy, the one after it.
type DueRow = (String, u32, Option<i64>, String, Option<String>);

impl Meta {
    /// See `Store::due_deploys`.
    pub(crate) async fn due_deploys(&self, now: Timestamp, limit: u32) -> Result<Vec<DueDeploy>, Error> {
        let is_any = "select exists (select 1 from verdicts where due <= ?1)";
        let (is_any,): (bool,) = sqlx::query_as(is_any).bind(now.0).fetch_one(&self.readers).await?;
        if !is_any {
            return Ok(Vec::new());
        }
        let mut guard = self.writer().await?;
        let mut transaction = guard.connection().begin_with("begin immediate").await?;
        // Of one service the earliest first: a later deploy is held against what was said of those before it.
        let rows: Vec<DueRow> = sqlx::query_as(
            "select service, sequence, judged, deploys.body,
                 (select body from deploys as later where later.service = verdicts.service
                     and later.sequence > verdicts.sequence order by later.sequence limit 1)
             from verdicts join deploys using (service, sequence) where due <= ?1
             order by max(started) over (partition by service) desc, service, sequence limit ?2",
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
        let due = |(service, sequence, judged, deploy, later): DueRow| {
            let read = || {
                let later = later.map(|text| parse::<Deploy>(&text)).transpose()?;
                Ok::<_, Error>(DueDeploy { deploy: parse(&deploy)?, later, judged: judged.map(Timestamp) })
            };
            // One that can't be read must not hold up the others.
            read().inspect_err(|error| tracing::error!("deploy {sequence} of {service} can't be judged: {error}")).ok()
        };
        Ok(rows.into_iter().filter_map(due).collect())
    }

    /// See `Store::keep_verdict`.
    pub(crate) async fn keep_verdict(
        &self,
        id: &DeployId,
        made: Option<(&Verdict, &Judgement)>,
        due: Option<Timestamp>,
    ) -> Result<(), Error> {
        let text = |error: serde_json::Error| Error::Damaged(format!("a verdict: {error}"));
        let mut guard = self.writer().await?;
        let Some((verdict, brief)) = made else {
            sqlx::query("update verdicts set due = iif(due = 0, 0, ?3) where service = ?1 and sequence = ?2")
                .bind(id.service.to_string())
                .bind(id.sequence)
                .bind(due.map(|at| at.0))
                .execute(guard.connection())
                .await?;
            return Ok(());
        };
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
                .fetch_optional(&self.readers)
                .await?;
        row.and_then(|(body,)| body).map(|text| parse(&text)).transpose()
    }

    /// Verdicts on a service's deploys in short, newest first.
    pub(crate) async fn judgements(&self, service: &ServiceId) -> Result<Vec<Judgement>, Error> {
        let rows: Vec<(String,)> = sqlx::query_as(
            "select brief from verdicts where service = ?1 and brief is not null order by sequence desc",
        )
        .bind(service.to_string())
        .fetch_all(&self.readers)
        .await?;
        super::rows::parse_all(rows)
    }

    /// Of each service the verdict on its newest deploy, in short, where there is one.
    pub(crate) async fn newest_judgements(&self) -> Result<Vec<(ServiceId, Judgement)>, Error> {
        let rows: Vec<(String, String)> = sqlx::query_as(
            "select service, brief from verdicts where brief is not null and sequence =
                 (select max(sequence) from deploys where deploys.service = verdicts.service)",
        )
        .fetch_all(&self.readers)
        .await?;
        // What an older version wrote and this one can't read is judged again, not a reason to stop.
        Ok(rows.into_iter().filter_map(|(service, brief)| Some((service.parse().ok()?, parse(&brief).ok()?))).collect())
    }

    /// A page of all deploys, newest first; first revisions are none.
    pub(crate) async fn feed(&self, ask: &FeedQuery) -> Result<Vec<FeedRow>, Error> {
        let levels: Vec<&str> = ask.levels.iter().map(|level| level.key()).collect();
        let rows = sqlx::query(
            "select deploys.body, brief from deploys left join verdicts using (service, sequence)
             where started < ?1 and deploys.body ->> 'kind' <> 'First'
                 and (?2 = '[]' or level in (select value from json_each(?2)))
                 and (?3 = '' or instr(service, ?3) > 0)
                 and (?4 = '' or instr(lower(substr(service, instr(service, '/') + 1) || ' ' || (deploys.body ->> 'to_name')), ?4) > 0)
             order by started desc, service, sequence desc limit ?5",
        )
        .bind(ask.before.map_or(i64::MAX, |at| at.0))
        .bind(serde_json::json!(levels).to_string())
        .bind(if ask.namespace.is_empty() { String::new() } else { format!("/{}/", ask.namespace) })
        .bind(ask.text.trim().to_lowercase())
        .bind(ask.limit)
        .fetch_all(&self.readers)
        .await?;
        let row = |row: sqlx::sqlite::SqliteRow| {
            let brief: Option<String> = row.try_get(1)?;
            let verdict = brief.map(|text| parse::<Judgement>(&text)).transpose()?.map(|brief| brief.judged);
            Ok(FeedRow { deploy: parse(row.try_get(0)?)?, verdict })
        };
        rows.into_iter().map(row).collect()
    }
}
