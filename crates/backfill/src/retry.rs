//! When a row that could not be embedded is tried again.

/// Minutes between the attempts at a row: the first, after the first attempt, and so on. After the last it is left alone until
/// it changes.
const RETRIES: [i32; 5] = [1, 2, 4, 8, 16];

/// Minutes between the attempts at a row; none where it will not succeed before it changes.
pub fn retries(may_pass: bool) -> &'static [i32] {
    if may_pass { &RETRIES } else { &[] }
}
