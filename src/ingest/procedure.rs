//! What the procedures that commit have in common.

use super::error::Error;
use pgrx::pg_sys;

/// Fails where the procedure that calls this cannot commit, before it has done anything.
pub fn check_commits(procedure: &'static str) -> Result<(), Error> {
    // SAFETY: reads what this process knows of its transaction and of the procedure's connection to SQL.
    let commits = unsafe {
        !pg_sys::IsTransactionBlock()
            && !pg_sys::IsSubTransaction()
            && pg_sys::SPI_inside_nonatomic_context()
    };
    match commits {
        true => Ok(()),
        false => Err(Error::TransactionBlock(procedure)),
    }
}

/// The size of a batch as it was given.
pub fn check_batch_size(given: Option<i32>) -> Result<usize, Error> {
    let size = given.and_then(|size| usize::try_from(size).ok());
    size.filter(|&size| size > 0).ok_or(Error::BatchSize(given))
}
