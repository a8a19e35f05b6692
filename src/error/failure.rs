//! Errors on their way from one process to another.

use super::{Error, Fields, Report};
use pgrx::PgSqlErrorCode::{self, *};
use serde::{Deserialize, Serialize};

/// An error as it is handed from one process to another.
#[derive(Debug, Default, Serialize, Deserialize, thiserror::Error)]
#[serde(default)]
#[error("{message}")]
pub struct Failure {
    /// The message, for those who may know paths on the server.
    message: String,
    /// SQLSTATE as the server codes it.
    code: i32,
    /// The message for others, where it differs.
    public: Option<String>,
    detail: Option<String>,
    hint: Option<String>,
}

impl From<&Error> for Failure {
    fn from(error: &Error) -> Self {
        let Fields { code, detail, hint } = error.fields();
        Self {
            message: error.to_string(),
            code: code as i32,
            public: error.without_paths(),
            detail,
            hint,
        }
    }
}

impl Report for Failure {
    fn fields(&self) -> Fields {
        Fields {
            code: PgSqlErrorCode::from(self.code),
            detail: self.detail.clone(),
            hint: self.hint.clone(),
        }
    }

    fn without_paths(&self) -> Option<String> {
        self.public.clone()
    }

    fn is_of_input(&self) -> bool {
        self.fields().may_be_of_input()
    }
}

impl Failure {
    /// JSON of at most `limit` bytes; a longer message is left out.
    pub fn to_json(&self, limit: usize) -> Vec<u8> {
        // Serialising plain data cannot fail.
        let json = serde_json::to_vec(self).unwrap_or_default();
        if json.len() <= limit {
            json
        } else {
            Vec::new()
        }
    }

    /// What [`Failure::to_json`] was made from.
    pub fn from_json(json: &[u8]) -> Self {
        serde_json::from_slice(json).unwrap_or_else(|_| Self {
            message: "background worker of clip_pg failed without a message".to_owned(),
            code: ERRCODE_INTERNAL_ERROR as i32,
            ..Self::default()
        })
    }
}
