//! Filter columns: from values to the words that an index holds of them, and from what the executor asks for to conditions
//! on words.
//!
//! How a type's values become words is told by a function of its operator class, as a metric is; the words themselves are
//! those of [`graph::filter`]. A text is a word by its hash, which says nothing of an order, but where the column's
//! collation is `C`.

use std::ffi::c_char;

use graph::filter::{Comparison, Condition, Filter, NULL, Word};
use graph::layout::MAX_COLUMNS;
use pgrx::{direct_function_call, pg_extern, pg_sys};

use super::error::{Error, Result};
use super::{SUPPORT_FILTER, SUPPORT_METRIC, arrays, relation, texts};

/// How values become words.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Kind {
    /// Integers of 1 to 8 bytes, and what is stored as one.
    Integer = 1,
    /// Numbers in floating point, single or double.
    Float = 2,
    /// `numeric`, rounded.
    Numeric = 3,
    /// Texts.
    Text = 4,
    /// `character`, for which blanks at the end are nothing.
    Padded = 5,
    /// `uuid`.
    Uuid = 6,
    /// Arrays, as sets.
    Array = 7,
}

impl Kind {
    const ALL: [Self; 7] = [
        Self::Integer,
        Self::Float,
        Self::Numeric,
        Self::Text,
        Self::Padded,
        Self::Uuid,
        Self::Array,
    ];
}

#[pg_extern(sql = false)]
fn clip_filter_integer() -> i32 {
    Kind::Integer as i32
}

#[pg_extern(sql = false)]
fn clip_filter_float() -> i32 {
    Kind::Float as i32
}

#[pg_extern(sql = false)]
fn clip_filter_numeric() -> i32 {
    Kind::Numeric as i32
}

#[pg_extern(sql = false)]
fn clip_filter_text() -> i32 {
    Kind::Text as i32
}

#[pg_extern(sql = false)]
fn clip_filter_padded() -> i32 {
    Kind::Padded as i32
}

#[pg_extern(sql = false)]
fn clip_filter_uuid() -> i32 {
    Kind::Uuid as i32
}

#[pg_extern(sql = false)]
fn clip_filter_array() -> i32 {
    Kind::Array as i32
}

/// A filter column.
#[derive(Clone, Copy, Debug)]
struct Column {
    kind: Kind,
    /// Bytes of a value, where they are always as many.
    length: i16,
    collation: pg_sys::Oid,
}

/// The filter columns of an index: all but the first.
pub struct Columns(Vec<Column>);

/// The words of a row.
pub struct Words {
    words: [u64; MAX_COLUMNS],
    count: usize,
}

impl Words {
    /// A word for each filter column.
    pub fn as_slice(&self) -> &[u64] {
        &self.words[..self.count]
    }
}

/// How many filter columns an index of so many columns has, if it can have as many.
pub fn count(columns: i16) -> Result<usize> {
    let count = usize::try_from(columns).unwrap_or(1).saturating_sub(1);
    match count <= MAX_COLUMNS {
        true => Ok(count),
        false => Err(Error::Columns(count)),
    }
}

impl Columns {
    /// Those of an index.
    ///
    /// # Safety
    /// `index` is an open index of this access method.
    pub unsafe fn of(index: pg_sys::Relation) -> Result<Self> {
        // SAFETY: the index is open, as the caller vouches, with as many columns and collations as it says.
        unsafe {
            if pg_sys::index_getprocid(index, 1, SUPPORT_METRIC) == pg_sys::InvalidOid {
                return Err(Error::FirstColumn(relation::name(index)));
            }
            let count = count((*(*index).rd_index).indnkeyatts)?;
            let columns = (1..=count).map(|number| Column::of(index, number));
            Ok(Self(columns.collect::<Result<_>>()?))
        }
    }

    /// The words of an index tuple.
    ///
    /// # Safety
    /// The values are of an index with these columns, the vector first.
    pub unsafe fn words(&self, values: *const pg_sys::Datum, nulls: *const bool) -> Words {
        let mut words = [NULL; MAX_COLUMNS];
        for (number, column) in self.0.iter().enumerate() {
            // SAFETY: there is a value for each column, of its type, as the caller vouches.
            unsafe {
                if !*nulls.add(1 + number) {
                    let value = *values.add(1 + number);
                    words[number] = column.word(value, column.length).word;
                }
            }
        }
        Words {
            words,
            count: self.0.len(),
        }
    }

    /// What keys on these columns ask for, all of them; `None` where nothing passes.
    ///
    /// # Safety
    /// The keys are the executor's of a scan of an index with these columns, none of them on the first.
    pub unsafe fn filter<'k>(
        &self,
        keys: impl Iterator<Item = &'k pg_sys::ScanKeyData>,
    ) -> Option<Filter> {
        let mut filter = Filter::default();
        for key in keys {
            let number = key.sk_attno as usize - 2;
            // SAFETY: the key is on one of these columns, as the caller vouches.
            let condition = unsafe { self.0[number].condition(key) }?;
            filter.add(number, condition);
        }
        Some(filter)
    }
}

/// Whether a condition on a column of this type and collation narrows a scan: a range of texts by another collation than
/// `C` does not.
///
/// # Safety
/// The operator class is one of this access method.
pub fn narrows(strategy: u16, r#type: pg_sys::Oid, collation: pg_sys::Oid) -> bool {
    let equality = usize::from(strategy) == 1 + Comparison::Equal as usize;
    equality || r#type != pg_sys::TEXTOID || is_of_bytes(collation)
}

impl Column {
    /// # Safety
    /// `index` is an open index of this access method with as many filter columns, counted from 1.
    unsafe fn of(index: pg_sys::Relation, number: usize) -> Result<Self> {
        let attribute = number as i16 + 1;
        // SAFETY: the index is open, as the caller vouches; a function of this number takes no argument and returns an
        // integer, see `validate`.
        unsafe {
            if pg_sys::index_getprocid(index, attribute, SUPPORT_FILTER) == pg_sys::InvalidOid {
                return Err(Error::NoFilter(relation::name(index), attribute));
            }
            let function = pg_sys::index_getprocinfo(index, attribute, SUPPORT_FILTER);
            let kind = pg_sys::FunctionCall0Coll(function, pg_sys::InvalidOid).value();
            let kind = Kind::ALL.into_iter().find(|&own| own as usize == kind);
            let description = pgrx::PgTupleDesc::from_pg_copy((*index).rd_att);
            let length = description.get(number).map_or(-1, |column| column.attlen);
            Ok(Self {
                kind: kind.ok_or_else(|| Error::NoFilter(relation::name(index), attribute))?,
                length,
                collation: *(*index).rd_indcollation.add(number),
            })
        }
    }

    /// What a key asks for; `None` where nothing passes.
    ///
    /// # Safety
    /// The key is the executor's, on this column.
    unsafe fn condition(&self, key: &pg_sys::ScanKeyData) -> Option<Condition> {
        let is = |flag: u32| key.sk_flags & flag as i32 != 0;
        if is(pg_sys::SK_SEARCHNULL) {
            return Some(Condition::null());
        }
        if is(pg_sys::SK_SEARCHNOTNULL) {
            return Some(Condition::not_null());
        }
        if is(pg_sys::SK_ISNULL) {
            return None;
        }
        let compared = |value, length| {
            // SAFETY: the value is of a type that the operator class compares the column's with.
            unsafe {
                match self.kind {
                    Kind::Array => arrays::condition(key.sk_strategy, value, self.collation),
                    _ => self.compared(key.sk_strategy, self.word(value, length)),
                }
            }
        };
        // SAFETY: the argument of an array's key is one of elements that the operator takes, which for arrays are those of a
        // domain.
        unsafe {
            if is(pg_sys::SK_SEARCHARRAY) {
                let array: *mut pg_sys::ArrayType =
                    pg_sys::pg_detoast_datum(key.sk_argument.cast_mut_ptr()).cast();
                let elements = elements(array).into_iter();
                return Some(Condition::any(
                    elements.map(|(value, length)| compared(value, length)),
                ));
            }
            let length = match key.sk_subtype {
                pg_sys::InvalidOid => self.length,
                r#type => pg_sys::get_typlen(r#type),
            };
            Some(compared(key.sk_argument, length))
        }
    }

    fn compared(&self, strategy: u16, word: Word) -> Condition {
        // Those of a filter column are a B-tree's, and counted from 1.
        let Some(&comparison) = Comparison::ALL.get(usize::from(strategy).wrapping_sub(1)) else {
            return Condition::unknown();
        };
        let ordered = match self.kind {
            Kind::Integer | Kind::Float | Kind::Numeric | Kind::Uuid => true,
            Kind::Text => is_of_bytes(self.collation),
            Kind::Padded | Kind::Array => false,
        };
        match ordered || comparison == Comparison::Equal {
            true => Condition::compared(comparison, word),
            false => Condition::unknown(),
        }
    }

    /// The word of a value of so many bytes.
    ///
    /// # Safety
    /// The value is not NULL, and of a type that the operator class is for.
    unsafe fn word(&self, value: pg_sys::Datum, length: i16) -> Word {
        let bits = value.value() as u64;
        match (self.kind, length) {
            (Kind::Integer, 1) => Word::integer((bits as i8).into()),
            (Kind::Integer, 2) => Word::integer((bits as i16).into()),
            (Kind::Integer, 4) => Word::integer((bits as i32).into()),
            (Kind::Integer, _) => Word::integer(bits as i64),
            (Kind::Float, 4) => Word::float(f32::from_bits(bits as u32).into()),
            (Kind::Float, _) => Word::float(f64::from_bits(bits)),
            (Kind::Numeric, _) => {
                // SAFETY: the value is a numeric, as the caller vouches; the function is for that, and returns no NULL.
                let number = unsafe {
                    direct_function_call::<f64>(pg_sys::numeric_float8_no_overflow, &[Some(value)])
                };
                Word::rounded(number.unwrap_or(f64::NAN))
            }
            // SAFETY: the value is a text, as the caller vouches.
            (Kind::Text, _) => unsafe { texts::with_text(value, |text| self.text(text)) },
            // SAFETY: as above.
            (Kind::Padded, _) => unsafe {
                texts::with_text(value, |text| self.text(texts::trimmed(text)))
            },
            // SAFETY: the value is an array, as the caller vouches.
            (Kind::Array, _) => unsafe { Word::set(arrays::signature(value, self.collation)) },
            // SAFETY: a uuid is sixteen bytes.
            (Kind::Uuid, _) => Word::beginning(unsafe {
                std::slice::from_raw_parts(value.cast_mut_ptr::<u8>(), 16)
            }),
        }
    }

    /// The word of a text.
    fn text(&self, text: &[u8]) -> Word {
        if self.kind == Kind::Text && is_of_bytes(self.collation) {
            return Word::beginning(text);
        }
        // Where the collation says so, texts are equal that are not the same.
        // SAFETY: looks into the catalogs.
        let same = unsafe { pg_sys::get_collation_isdeterministic(self.collation) };
        match Word::short(text).filter(|_| same) {
            Some(word) => word,
            None => Word::hashed(texts::hash(text, self.collation)),
        }
    }
}

/// Whether texts are in the order of their bytes for sure.
fn is_of_bytes(collation: pg_sys::Oid) -> bool {
    collation == pg_sys::C_COLLATION_OID
}

/// The elements of an array that are not NULL, and the bytes of one.
///
/// # Safety
/// The array is a plain one.
unsafe fn elements(array: *mut pg_sys::ArrayType) -> Vec<(pg_sys::Datum, i16)> {
    let (mut length, mut by_value, mut align) = (0_i16, false, 0 as c_char);
    let (mut values, mut nulls, mut count) = (std::ptr::null_mut(), std::ptr::null_mut(), 0);
    // SAFETY: the array is a plain one, as the caller vouches; the server allocates as many of both as it says.
    unsafe {
        let r#type = (*array).elemtype;
        pg_sys::get_typlenbyvalalign(r#type, &mut length, &mut by_value, &mut align);
        pg_sys::deconstruct_array(
            array,
            r#type,
            length.into(),
            by_value,
            align,
            &mut values,
            &mut nulls,
            &mut count,
        );
        (0..count as usize)
            .filter(|&at| !*nulls.add(at))
            .map(|at| (*values.add(at), length))
            .collect()
    }
}
