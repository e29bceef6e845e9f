//! Batches as JSON arrays: sqlx costs 12 µs a statement, so a batch of rows goes in as one `insert … select … from
//! json_each(?)`.

use serde::Serialize;
use sqlx::SqliteConnection;

use crate::Error;

/// Rows in one statement: bounds the text that SQLite parses at once, and what is in memory of a great batch.
const CHUNK: usize = 500;

/// Where the columns of a row are written.
pub(super) struct Row<'a>(&'a mut Vec<u8>);

impl Row<'_> {
    /// The columns, as a tuple.
    pub(super) fn of(self, columns: &impl Serialize) -> serde_json::Result<()> {
        serde_json::to_writer(self.0, columns)
    }
}

/// Runs a statement that reads its rows from `json_each(?1)`, each row an array of columns. What is kept as JSON is a
/// column as it is, and taken with `->`, which gives its text: escaped in a string it would be written and read twice.
pub(super) async fn insert<T>(
    connection: &mut SqliteConnection,
    sql: &'static str,
    items: &[T],
    row: impl Fn(&T, Row<'_>) -> serde_json::Result<()>,
) -> Result<(), Error> {
    for chunk in items.chunks(CHUNK) {
        let mut text = Vec::new();
        for item in chunk {
            text.push(if text.is_empty() { b'[' } else { b',' });
            row(item, Row(&mut text)).map_err(|error| Error::Damaged(error.to_string()))?;
        }
        text.push(b']');
        let text = String::from_utf8(text).map_err(|error| Error::Damaged(error.to_string()))?;
        sqlx::query(sql).bind(text).execute(&mut *connection).await?;
    }
    Ok(())
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
