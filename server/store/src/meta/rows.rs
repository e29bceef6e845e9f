//! Batches as JSON arrays: sqlx costs 12 µs a statement, so a batch of rows goes in as one `insert … select … from
//! json_each(?)`.

use serde::Serialize;
use serde_json::{Value, json};
use sqlx::SqliteConnection;

use crate::Error;

/// Rows in one statement: bounds the text that SQLite parses at once, and what is in memory of a great batch.
const CHUNK: usize = 500;

/// Runs a statement that reads its rows from `json_each(?1)`, each row an array of columns.
pub(super) async fn insert<T>(
    connection: &mut SqliteConnection,
    sql: &'static str,
    items: &[T],
    row: impl Fn(&T) -> Value,
) -> Result<(), Error> {
    for chunk in items.chunks(CHUNK) {
        let rows: Vec<Value> = chunk.iter().map(&row).collect();
        let text = serde_json::to_string(&rows).map_err(|error| Error::Damaged(error.to_string()))?;
        drop(rows);
        sqlx::query(sql).bind(text).execute(&mut *connection).await?;
    }
    Ok(())
}

/// A value as the text of a body column.
pub(super) fn body<T: Serialize>(value: &T) -> Value {
    // Types of the model have text keys and no other way to fail.
    json!(serde_json::to_string(value).unwrap_or_default())
}

/// A body column's value.
pub(super) fn parse<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, Error> {
    serde_json::from_str(text).map_err(|error| Error::Damaged(format!("a record of the metadata: {error}")))
}

/// Bodies of a query, parsed.
pub(super) fn parse_all<T: serde::de::DeserializeOwned>(rows: Vec<(String,)>) -> Result<Vec<T>, Error> {
    rows.iter().map(|(text,)| parse(text)).collect()
}

pub(super) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
