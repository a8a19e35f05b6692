//! Whether a procedure can commit where it was called.

use super::Error;
use crate::{
    error::{self, Returned},
    text::Text,
};
use pgrx::{pg_sys, prelude::*};

/// Raises an error where the procedure that calls this cannot commit, before it has done anything.
#[pg_extern(sql = false)]
fn check_commits(procedure: Text) -> Returned<()> {
    // SAFETY: reads what this process knows of its transaction and of the procedure's connection to SQL.
    let commits = unsafe {
        !pg_sys::IsTransactionBlock()
            && !pg_sys::IsSubTransaction()
            && pg_sys::SPI_inside_nonatomic_context()
    };
    if commits {
        Ok(())
    } else {
        Err(error::Error::from(Error::TransactionBlock(procedure.as_str().to_owned())).into())
    }
}
