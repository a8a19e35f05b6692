//! Arrays as values of filter columns: the bits of their elements, and what the server's operators ask of these.
//!
//! Elements are told apart as `=` of their type does, by the hash function that goes with it. What these operators say of NULL
//! and of dimensions is what the server says: NULL is no element of anything, and dimensions count for `=` alone.

use graph::filter::{Comparison, Condition, Word};
use graph::signature::Signature;
use pgrx::pg_sys;

use super::{STRATEGY_HAS, STRATEGY_HAS_ONE, STRATEGY_IN, texts};

/// What a condition asks for.
///
/// # Safety
/// The value is a plain or stored array.
pub unsafe fn condition(strategy: u16, value: pg_sys::Datum, collation: pg_sys::Oid) -> Condition {
    // SAFETY: the caller vouches for the value.
    let Elements { signatures, null } = unsafe { Elements::of(value, collation) };
    match strategy {
        STRATEGY_HAS_ONE => Condition::has_one(signatures),
        // No array has NULL.
        STRATEGY_HAS if null => Condition::any([]),
        STRATEGY_HAS => Condition::has(signatures.into_iter().collect()),
        STRATEGY_IN => Condition::within(signatures.into_iter().collect()),
        strategy if usize::from(strategy) == 1 + Comparison::Equal as usize => {
            let set: Signature = signatures.into_iter().collect();
            Condition::compared(Comparison::Equal, Word::set(set))
        }
        _ => Condition::unknown(),
    }
}

/// The bits of all elements.
///
/// # Safety
/// As for [`condition`].
pub unsafe fn signature(value: pg_sys::Datum, collation: pg_sys::Oid) -> Signature {
    // SAFETY: the caller vouches for the value.
    let elements = unsafe { Elements::of(value, collation) };
    elements.signatures.into_iter().collect()
}

/// The elements of an array.
struct Elements {
    /// Of those that are not NULL.
    signatures: Vec<Signature>,
    /// Whether one is NULL.
    null: bool,
}

impl Elements {
    /// # Safety
    /// As for [`condition`].
    unsafe fn of(value: pg_sys::Datum, collation: pg_sys::Oid) -> Self {
        // SAFETY: the value is an array, as the caller vouches, plain after this; the server allocates as many of both as it
        // says, and keeps what it knows of a type. What was allocated is freed when it has been read.
        unsafe {
            let stored: *mut pg_sys::varlena = value.cast_mut_ptr();
            let plain = pg_sys::pg_detoast_datum(stored);
            let array: *mut pg_sys::ArrayType = plain.cast();
            let wanted = pg_sys::TYPECACHE_HASH_EXTENDED_PROC_FINFO as i32;
            let known = pg_sys::lookup_type_cache((*array).elemtype, wanted);
            let (mut values, mut nulls, mut count) =
                (std::ptr::null_mut(), std::ptr::null_mut(), 0);
            pg_sys::deconstruct_array(
                array,
                (*array).elemtype,
                (*known).typlen.into(),
                (*known).typbyval,
                (*known).typalign,
                &mut values,
                &mut nulls,
                &mut count,
            );
            let function = &raw mut (*known).hash_extended_proc_finfo;
            let has_function = (*function).fn_oid != pg_sys::InvalidOid;
            let padded = (*function).fn_oid == pg_sys::F_HASHBPCHAREXTENDED.into();
            let signature = |value| {
                if padded {
                    return texts::with_text(value, |text| {
                        Signature::of(texts::hash(texts::trimmed(text), collation))
                    });
                }
                let seed = pg_sys::Datum::from(0_i64);
                let hash = pg_sys::FunctionCall2Coll(function, collation, value, seed);
                Signature::of(hash.value() as u64)
            };
            let present = (0..count as usize).filter(|&at| !*nulls.add(at));
            let signatures: Vec<_> = match has_function {
                true => present.map(|at| signature(*values.add(at))).collect(),
                false => present.map(|_| Signature::UNKNOWN).collect(),
            };
            let null = signatures.len() < count as usize;
            pg_sys::pfree(values.cast());
            pg_sys::pfree(nulls.cast());
            if plain != stored {
                pg_sys::pfree(plain.cast());
            }
            Self { signatures, null }
        }
    }
}
