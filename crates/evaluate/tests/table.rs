//! The table that people read.

use evaluate::Confusion;
use unicode_width::UnicodeWidthStr;

fn table(json: &str) -> String {
    Confusion::from_json(json).unwrap().to_string()
}

#[test]
fn columns_are_headed_by_the_beginnings_of_labels() {
    assert_eq!(
        table(
            r#"{"labels": ["Chart", "Comics", "Photo"], "counts": [[251, 0, 108], [0, 281, 11], [11, 0, 0]]}"#
        ),
        "\
truth \\ predicted Chart Comic Photo support recall
Chart               251     .   108     359  0.699
Comics                .   281    11     292  0.962
Photo                11     .     0      11  0.000
predicted           262   281   119     662
precision         0.958 1.000 0.000
accuracy 0.8036, 532 of 662"
    );
}

#[test]
fn rows_without_a_prediction_have_a_column() {
    assert_eq!(
        table(r#"{"labels": ["map", "plan"], "counts": [[7, 1], [0, 1000000]], "none": [2, 0]}"#),
        "\
truth \\ predicted   map    plan none support recall
map                   7       1    2      10  0.700
plan                  . 1000000    . 1000000  1.000
predicted             7 1000001    2 1000010
precision         1.000   1.000
accuracy 1.0000, 1000007 of 1000010"
    );
}

#[test]
fn headings_are_as_long_as_it_takes_to_tell_labels_apart() {
    let heading = |json| table(json).lines().next().unwrap().to_owned();
    assert_eq!(
        heading(r#"{"labels": ["engraving", "engraved map"], "counts": [[1, 0], [0, 1]]}"#),
        "truth \\ predicted engravi engrave support recall"
    );
    assert_eq!(
        table(
            r#"{"labels": ["a photo of a map", "a photo of a plan"], "counts": [[1, 0], [0, 1]]}"#
        ),
        "\
truth \\ predicted       1     2 support recall
1 a photo of a map      1     .       1  1.000
2 a photo of a plan     .     1       1  1.000
predicted               1     1       2
precision           1.000 1.000
accuracy 1.0000, 2 of 2"
    );
}

#[test]
fn other_scripts_are_aligned() {
    // Wide characters, combining marks, right to left, and what would break the line.
    let labels = [
        "地図",
        "浮世絵の版画",
        "e\u{301}tude",
        "карта",
        "خريطة",
        "two\nlines",
        "नक्शा",
    ];
    let counts: Vec<Vec<u64>> = (0..labels.len())
        .map(|n| (0..labels.len()).map(|m| (n * m) as u64).collect())
        .collect();
    let table = table(&serde_json::json!({ "labels": labels, "counts": counts }).to_string());
    let lines: Vec<&str> = table.lines().collect();
    assert_eq!(lines.len(), labels.len() + 4);
    let width = lines[0].width();
    assert!(
        lines[1..=labels.len()]
            .iter()
            .all(|line| line.width() == width),
        "{table}"
    );
    assert!(
        lines[0].contains(" e\u{301}tude ") && lines[0].contains(" 浮世"),
        "{table}"
    );
    assert!(lines[6].starts_with("two\\nlines "), "{table}");
}

#[test]
fn no_rows_are_told() {
    assert_eq!(
        table(r#"{"labels": [], "counts": []}"#),
        "truth \\ predicted support recall\npredicted               0\nprecision\nno rows"
    );
}
