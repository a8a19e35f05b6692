//! Text and binary input and output, and equality.

use std::ffi::{CStr, CString};
use std::slice;

use classifier::Classifier;
use classifier::Error::Damaged;
use pgrx::prelude::*;
use pgrx::{Internal, pg_sys};

use super::{Error, Stored, Value};
use crate::error::{self, Returned};
use crate::text::{from_utf8, has_counterpart, to_utf8};

#[pg_extern(sql = false)]
fn clip_classifier_in(input: &CStr, fcinfo: pg_sys::FunctionCallInfo) -> Returned<Option<Value>> {
    let classifier = Classifier::from_json(&to_utf8(input.to_bytes()));
    match classifier.map_err(error::Error::from).and_then(value) {
        Ok(value) => Ok(Some(value)),
        // SAFETY: the server's own call information.
        Err(error) => unsafe { error::save(error, fcinfo) }.map(|()| None),
    }
}

/// A classifier from outside as a value. What this database could not show it does not take either, as with `jsonb`: a dump would
/// fail.
fn value(classifier: Classifier) -> error::Result<Value> {
    let labels = classifier.labels().iter().flatten();
    let mut texts = labels.chain(classifier.origin().map(|origin| &origin.name));
    match texts.find(|text| !has_counterpart(text)) {
        Some(text) => Err(Error::Characters(text.clone()).into()),
        None => Ok(Value::from(&classifier)),
    }
}

#[pg_extern(sql = false)]
fn clip_classifier_out(classifier: Stored<'_>) -> Returned<CString> {
    let json = classifier.classifier()?.to_json();
    // JSON has no 0, and no conversion makes one.
    Ok(CString::new(from_utf8(&json)).unwrap_or_default())
}

#[pg_extern(sql = false)]
fn clip_classifier_recv(message: Internal) -> Returned<Value> {
    Ok(receive(message)?)
}

fn receive(mut message: Internal) -> error::Result<Value> {
    // SAFETY: the server hands its message buffer, `len` bytes of which it has filled, to a receive function.
    let (message, bytes) = unsafe {
        let message: &mut pg_sys::StringInfoData = message
            .get_mut()
            .ok_or(Error::Binary(Damaged("no message")))?;
        let bytes = slice::from_raw_parts(message.data.cast::<u8>(), message.len as usize);
        (message, bytes)
    };
    let unread = bytes.get(message.cursor as usize..).unwrap_or_default();
    let classifier = Classifier::from_bytes(unread).map_err(Error::Binary)?;
    message.cursor = message.len;
    value(classifier)
}

#[pg_extern(sql = false)]
fn clip_classifier_send(classifier: Stored<'_>) -> Vec<u8> {
    classifier.with_bytes(<[u8]>::to_vec)
}

#[pg_extern(sql = false)]
fn clip_classifier_eq(a: Stored<'_>, b: Stored<'_>) -> Returned<bool> {
    Ok(fingerprint(a)? == fingerprint(b)?)
}

#[pg_extern(sql = false)]
fn clip_classifier_ne(a: Stored<'_>, b: Stored<'_>) -> Returned<bool> {
    Ok(fingerprint(a)? != fingerprint(b)?)
}

/// As good as any hash: the fingerprint is one.
#[pg_extern(sql = false)]
fn clip_classifier_hash(classifier: Stored<'_>) -> Returned<i32> {
    Ok(fingerprint(classifier)? as i32)
}

fn fingerprint(classifier: Stored<'_>) -> error::Result<u128> {
    Ok(u128::from_le_bytes(classifier.fingerprint()?))
}
