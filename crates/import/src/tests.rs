//! Directories as people have them.

use crate::*;
use proptest::prelude::*;
use std::{
    cell::Cell,
    fs,
    os::unix::{ffi::OsStrExt, fs::symlink},
    path::Path,
    time::{Duration, Instant},
};
use tempfile::TempDir;

fn directory(files: &[(&str, &[u8])]) -> TempDir {
    let directory = TempDir::new().unwrap();
    for (name, contents) in files {
        let path = directory.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, contents).unwrap();
    }
    directory
}

/// Stands for what knows formats.
fn recognize(head: &[u8]) -> Option<&'static str> {
    head.starts_with(b"GIF8").then_some("gif")
}

/// Files below a directory, without its own path, and what is told of others.
fn look(
    directory: &Path,
    can_name: &dyn Fn(&str) -> bool,
) -> (Vec<(String, u64)>, Vec<Error>, Option<String>) {
    let mut errors = Vec::new();
    let text = directory.to_str().unwrap();
    let found = find(text, &recognize, can_name, &|| (), &mut |error| {
        errors.push(error)
    })
    .unwrap();
    let files = found.files.into_iter();
    let files = files.map(|(path, bytes)| (path[text.len() + 1..].to_owned(), bytes));
    (files.collect(), errors, found.others.notice())
}

#[test]
fn images_are_found_in_the_order_of_their_paths() {
    let directory = directory(&[
        ("b.GIF", b"12"),
        ("a/z.jpg", b"1"),
        ("a.jpg", b""),
        ("a/notes.txt", b"notes"),
        ("README", b"read me"),
        ("nothing.txt", b""),
        ("a/scan", b"GIF89a"),
        ("a/scan.0001", b"GIF87a"),
        (".hidden/c.png", b""),
        (".c.png", b""),
        ("d.jpg/e.webp", b"123"),
    ]);
    symlink(directory.path(), directory.path().join("a/round.gif")).unwrap();
    symlink(
        directory.path().join("b.GIF"),
        directory.path().join("link.gif"),
    )
    .unwrap();
    let (files, errors, notice) = look(directory.path(), &|_| true);
    let files: Vec<(&str, u64)> = files
        .iter()
        .map(|(path, bytes)| (path.as_str(), *bytes))
        .collect();
    let expected = [
        ("a.jpg", 0),
        ("a/scan", 6),
        ("a/scan.0001", 6),
        ("a/z.jpg", 1),
        ("b.GIF", 2),
        ("d.jpg/e.webp", 3),
        ("link.gif", 2),
    ];
    assert_eq!(files, expected);
    assert!(errors.is_empty());
    let expected = "passed over: 2 no picture by its content (1 without extension, 1 .txt); 1 empty; 2 hidden; 1 link to a directory";
    assert_eq!(notice.as_deref(), Some(expected));
}

#[test]
fn what_cannot_be_looked_at_is_told_and_stops_no_other() {
    let directory = directory(&[("a.gif", b""), ("\u{20ac}.gif", b"")]);
    fs::write(
        directory
            .path()
            .join(std::ffi::OsStr::from_bytes(b"\xe9.gif")),
        b"",
    )
    .unwrap();
    symlink("/nowhere/at/all", directory.path().join("nowhere.gif")).unwrap();
    let (files, errors, notice) = look(directory.path(), &|path| !path.contains('\u{20ac}'));
    assert_eq!(files, [("a.gif".to_owned(), 0)]);
    assert!(matches!(
        errors.as_slice(),
        [
            Error::Unreadable { .. },
            Error::PathEncoding(_),
            Error::PathCharacters(_)
        ] | [
            Error::Unreadable { .. },
            Error::PathCharacters(_),
            Error::PathEncoding(_)
        ]
    ));
    assert_eq!(notice, None);
}

#[test]
fn the_directory_itself_has_to_be_there() {
    let nowhere = |path: &str| find(path, &recognize, &|_| true, &|| (), &mut |_| ());
    assert!(matches!(
        nowhere("pictures"),
        Err(Error::RelativeDirectory(_))
    ));
    assert!(matches!(
        nowhere("/nowhere/at/all"),
        Err(Error::Unreadable { .. })
    ));
}

#[test]
fn files_are_read_up_to_a_limit() {
    let directory = directory(&[("a.gif", b"12345")]);
    let path = directory.path().join("a.gif");
    let read = |path: &Path, limit| read(path, limit, || ());
    assert_eq!(read(&path, 5).unwrap(), b"12345");
    assert!(matches!(
        read(&path, 4),
        Err(Error::TooLarge {
            bytes: 5,
            limit: 4,
            ..
        })
    ));
    // Says that it is empty.
    assert!(matches!(
        read(Path::new("/proc/self/status"), 9),
        Err(Error::TooLarge { bytes: 10, .. })
    ));
    assert!(matches!(
        read(directory.path(), 9),
        Err(Error::Unreadable { .. } | Error::TooLarge { .. })
    ));
}

#[test]
fn reading_can_be_left() {
    let directory = directory(&[("a.gif", &[7; 20 << 20])]);
    let path = directory.path().join("a.gif");
    let calls = Cell::new(0);
    let contents = read(&path, 1 << 30, || calls.set(calls.get() + 1)).unwrap();
    assert_eq!(contents.len(), 20 << 20);
    assert!(calls.get() >= 5, "{}", calls.get());
}

#[test]
fn outcomes_are_counted_and_told() {
    let now = Instant::now();
    let mut tally = Tally::new(now);
    assert_eq!(tally.take_copies(), None);
    for n in 0..12 {
        tally.add(&n.to_string(), Outcome::Copy);
    }
    for outcome in [
        Outcome::Imported,
        Outcome::Updated,
        Outcome::Known,
        Outcome::Failed,
    ] {
        tally.add("a", outcome);
    }
    let (notice, paths) = tally.take_copies().unwrap();
    assert_eq!(
        notice,
        "12 file(s) skipped whose contents are there under another path"
    );
    assert_eq!(paths, "0, 1, 2, 3, 4, 5, 6, 7, 8, 9, and others");
    assert_eq!(tally.take_copies(), None);
    assert_eq!(tally.tell(now + Duration::from_secs(10)), None);
    let told = tally.tell(now + Duration::from_secs(11)).unwrap();
    assert_eq!(
        told,
        "1 file(s) imported, 1 updated, 13 skipped so far; 1 could not be imported"
    );
    assert_eq!(tally.tell(now + Duration::from_secs(12)), None);
}

proptest! {
    #[test]
    fn what_is_told_of_others_is_short(extensions in prop::collection::vec("[a-z]{0,5}", 0..200)) {
        let mut others = Others::default();
        for extension in &extensions {
            let name = format!("a.{extension}");
            others.add(Path::new(name.trim_end_matches('.')), Reason::NoPicture);
        }
        let notice = others.notice();
        prop_assert_eq!(notice.is_none(), extensions.is_empty());
        prop_assert!(notice.is_none_or(|notice| notice.matches(',').count() <= 20));
    }
}

#[test]
fn pipes_and_sockets_are_not_opened() {
    let directory = directory(&[("a.gif", b"GIF89a")]);
    let path = directory.path();
    // Whoever opens it to read waits for a writer.
    let made = std::process::Command::new("mkfifo")
        .arg(path.join("pipe.gif"))
        .status();
    assert!(made.unwrap().success());
    symlink(path.join("pipe.gif"), path.join("linked.gif")).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(path.join("socket")).unwrap();
    let (files, errors, notice) = look(path, &|_| true);
    assert_eq!(files, [("a.gif".to_owned(), 6)]);
    assert!(errors.is_empty());
    let expected = "passed over: 3 neither a file nor a directory";
    assert_eq!(notice.as_deref(), Some(expected));
}

#[test]
fn everything_is_listed_with_its_format_or_the_reason() {
    let directory = directory(&[
        ("a.jpg", b"no picture"),
        ("b", b"GIF89a"),
        (".c", b""),
        ("d.txt", b""),
    ]);
    let mut seen = Vec::new();
    let text = directory.path().to_str().unwrap();
    walk(text, &recognize, &|_| false, &|| (), &mut |entry| {
        let name = entry.path.file_name().unwrap().to_str().unwrap().to_owned();
        seen.push((
            name,
            entry.bytes,
            match entry.kind {
                Kind::Picture(format) => format.unwrap_or_default(),
                Kind::Other(reason) => reason.name(),
                Kind::Failed(error) => panic!("{error}"),
            },
        ));
    })
    .unwrap();
    let seen: Vec<_> = seen
        .iter()
        .map(|(name, bytes, what)| (name.as_str(), *bytes, *what))
        .collect();
    let expected = [
        (".c", 0, "hidden"),
        ("a.jpg", 10, "no picture by its content"),
        ("b", 6, "gif"),
        ("d.txt", 0, "empty"),
    ];
    assert_eq!(seen, expected);
}
