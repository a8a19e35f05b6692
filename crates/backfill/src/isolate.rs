//! Doing something with many items at once where some may be at fault.

/// Why an attempt at several items failed.
#[derive(Debug)]
pub enum Trouble<F, E> {
    /// One of them is at fault; which one, if that is known, counted from 0.
    Item(F, Option<usize>),
    /// None of them is.
    Other(E),
}

/// Attempts all of `items`, or all around the one at fault, or halves where it is not known which that is, down to single
/// ones, which `at_fault` is told of. What the attempts return comes in the order of the items. Each item is in one attempt
/// that succeeds, or is at fault.
///
/// Fails with the first trouble that is no item's.
pub fn isolate<T, U, F, E>(
    items: &[T],
    mut attempt: impl FnMut(&[T]) -> Result<Vec<U>, Trouble<F, E>>,
    mut at_fault: impl FnMut(&T, F),
) -> Result<Vec<U>, E> {
    let mut done = Vec::new();
    let mut left = vec![items];
    while let Some(items) = left.pop() {
        if items.is_empty() {
            continue;
        }
        match (attempt(items), items) {
            (Ok(results), _) => done.extend(results),
            (Err(Trouble::Other(error)), _) => return Err(error),
            (Err(Trouble::Item(failure, _)), [item]) => at_fault(item, failure),
            (Err(Trouble::Item(_, known)), items) => {
                let (start, end) = match known {
                    Some(n) if n < items.len() => (n, n + 1),
                    _ => (items.len() / 2, items.len() / 2),
                };
                left.extend([&items[end..], &items[start..end], &items[..start]]);
            }
        }
    }
    Ok(done)
}
