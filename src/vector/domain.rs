//! Domains, which count as what they are over.

use pgrx::{pg_extern, pg_sys};

/// What a domain is over, and with which type modifier, through all domains; any other type as it is.
pub fn base_type(r#type: pg_sys::Oid, modifier: i32) -> (pg_sys::Oid, i32) {
    // SAFETY: looks into the catalogs; a number that is no type's has no kind.
    if unsafe { pg_sys::get_typtype(r#type) } as u8 != pg_sys::TYPTYPE_DOMAIN {
        return (r#type, modifier);
    }
    let mut modifier = -1;
    // SAFETY: there is a domain of this number, and what is of its type has no modifier of its own.
    let base = unsafe { pg_sys::getBaseTypeAndTypmod(r#type, &mut modifier) };
    (base, modifier)
}

/// The type that a column's is, or is a domain over.
#[pg_extern(sql = false)]
fn base_type_of(r#type: pg_sys::Oid) -> pg_sys::Oid {
    base_type(r#type, -1).0
}

/// The type modifier of a column of that type.
#[pg_extern(sql = false)]
fn base_modifier_of(r#type: pg_sys::Oid, modifier: i32) -> i32 {
    base_type(r#type, modifier).1
}
