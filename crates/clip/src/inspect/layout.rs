//! Finding the graphs of a model in the layouts in use.

use super::Overrides;
use crate::{Error, Result, files, manifest::Layout};
use std::{fs, path::Path};

/// Suffixes that exporters give their precisions, in the order in which they are taken: the plain file is in single
/// precision and exact, the rest only serves where nothing better was downloaded.
const PRECISIONS: [&str; 10] = [
    "",
    "_fp32",
    "_fp16",
    "_quantized",
    "_int8",
    "_uint8",
    "_q8",
    "_q4f16",
    "_q4",
    "_bnb4",
];

/// File names without precision and `.onnx`, text tower and image tower.
const SPLIT: [(Layout, &str, &str); 4] = [
    (Layout::HuggingFace, "onnx/text_model", "onnx/vision_model"),
    (Layout::Immich, "textual/model", "visual/model"),
    (Layout::Rclip, "textual", "visual"),
    (Layout::Flat, "text_model", "vision_model"),
];

/// The same for graphs that hold both towers.
const COMBINED: [&str; 2] = ["onnx/model", "model"];

/// The graphs of a model, relative to its directory.
#[derive(Debug, PartialEq)]
pub(super) struct Graphs {
    pub layout: Layout,
    pub text: String,
    pub image: String,
    /// A graph with both towers and their logits.
    pub combined: Option<String>,
}

/// Finds the graphs in `directory`; those that `overrides` name are taken as named.
pub(super) fn find(directory: &Path, overrides: &Overrides) -> Result<Graphs> {
    if !directory.is_dir() {
        return Err(Error::MissingModelFile {
            file: directory.display().to_string(),
            reason: "there is no such directory".to_owned(),
        });
    }
    let named = (
        named(directory, &overrides.text_file)?,
        named(directory, &overrides.vision_file)?,
    );
    let combined = COMBINED.iter().find_map(|stem| precise(directory, stem));
    if let (Some(text), Some(image)) = &named {
        let layout = if text == image {
            Layout::Combined
        } else {
            Layout::Flat
        };
        return Ok(Graphs {
            layout,
            text: text.clone(),
            image: image.clone(),
            combined,
        });
    }
    let mut lacking = None;
    let pair = pair(directory);
    let found = SPLIT
        .iter()
        .map(|&(layout, text, image)| {
            let expected = (format!("{text}.onnx"), format!("{image}.onnx"));
            (
                layout,
                expected,
                precise(directory, text),
                precise(directory, image),
            )
        })
        .chain([(
            Layout::Pair,
            ("text/model.onnx".to_owned(), "vision/model.onnx".to_owned()),
            pair.0,
            pair.1,
        )]);
    for (layout, expected, text, image) in found {
        match (named.0.clone().or(text), named.1.clone().or(image)) {
            (Some(text), Some(image)) => {
                return Ok(Graphs {
                    layout,
                    text,
                    image,
                    combined,
                });
            }
            (Some(_), None) => lacking = lacking.or(Some((expected.1, "image"))),
            (None, Some(_)) => lacking = lacking.or(Some((expected.0, "text"))),
            (None, None) => {}
        }
    }
    if let Some(file) = combined.clone() {
        return Ok(Graphs {
            layout: Layout::Combined,
            text: file.clone(),
            image: file,
            combined,
        });
    }
    let (file, tower) = lacking.unwrap_or(("onnx/text_model.onnx".to_owned(), "text"));
    Err(Error::MissingModelFile {
        file,
        reason: format!(
            "\"{}\" holds no {tower} tower in any known layout",
            directory.display()
        ),
    })
}

/// The first of `names` that exists in one of `folders` of `directory`, as a relative path.
pub(super) fn first(directory: &Path, folders: &[String], names: &[&str]) -> Option<String> {
    folders
        .iter()
        .flat_map(|folder| names.iter().map(move |name| join(folder, name)))
        .find(|path| directory.join(path).is_file())
}

/// Where the files that belong to a graph may lie: its own folder, the one above, and the model's.
pub(super) fn folders(graph: &str) -> Vec<String> {
    let mut folders = Vec::new();
    let mut path = graph;
    while let Some((folder, _)) = path.rsplit_once('/') {
        folders.push(folder.to_owned());
        path = folder;
    }
    folders.push(String::new());
    folders
}

fn named(directory: &Path, file: &Option<String>) -> Result<Option<String>> {
    let Some(file) = file else { return Ok(None) };
    if !files::is_inside(file) {
        return Err(Error::InvalidOption(format!(
            "\"{file}\" is not a path inside the model directory"
        )));
    }
    files::open(directory, file)?;
    Ok(Some(file.clone()))
}

/// The most precise variant of a graph.
fn precise(directory: &Path, stem: &str) -> Option<String> {
    PRECISIONS
        .iter()
        .map(|precision| format!("{stem}{precision}.onnx"))
        .find(|file| directory.join(file).is_file())
}

/// Graphs of two models downloaded into subdirectories whose names say what they are for.
fn pair(directory: &Path) -> (Option<String>, Option<String>) {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let mut names: Vec<_> = entries
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect();
    names.sort();
    let graph = |words: &[&str]| {
        let fits = |name: &&String| words.iter().any(|word| name.to_lowercase().contains(word));
        names.iter().filter(fits).find_map(|name| {
            COMBINED
                .iter()
                .find_map(|stem| precise(directory, &join(name, stem)))
        })
    };
    (graph(&["text"]), graph(&["vis", "image"]))
}

fn join(folder: &str, name: &str) -> String {
    if folder.is_empty() {
        name.to_owned()
    } else {
        format!("{folder}/{name}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Directory;

    fn found(files: &[&str], overrides: &Overrides) -> Result<Graphs> {
        let directory = Directory::new();
        for file in files {
            directory.write(file, b"");
        }
        find(directory.path(), overrides)
    }

    fn graphs(files: &[&str]) -> (Layout, String, String) {
        let graphs = found(files, &Overrides::default()).unwrap();
        (graphs.layout, graphs.text, graphs.image)
    }

    #[test]
    fn layouts_are_recognised() {
        for (files, layout) in [
            (
                ["onnx/text_model.onnx", "onnx/vision_model.onnx"],
                Layout::HuggingFace,
            ),
            (["textual/model.onnx", "visual/model.onnx"], Layout::Immich),
            (["textual.onnx", "visual.onnx"], Layout::Rclip),
            (["text_model.onnx", "vision_model.onnx"], Layout::Flat),
            (
                [
                    "clip-ViT-B-32-text/model.onnx",
                    "clip-ViT-B-32-vision/model.onnx",
                ],
                Layout::Pair,
            ),
        ] {
            assert_eq!(
                graphs(&files),
                (layout, files[0].to_owned(), files[1].to_owned())
            );
        }
        for file in ["model.onnx", "onnx/model.onnx", "onnx/model_fp16.onnx"] {
            assert_eq!(
                graphs(&[file]),
                (Layout::Combined, file.to_owned(), file.to_owned())
            );
        }
    }

    #[test]
    fn precise_files_win() {
        let files = [
            "onnx/text_model_quantized.onnx",
            "onnx/text_model.onnx",
            "onnx/vision_model_int8.onnx",
        ];
        let (_, text, image) = graphs(
            &[
                &files[..],
                &["onnx/vision_model_fp16.onnx", "onnx/model.onnx"],
            ]
            .concat(),
        );
        assert_eq!(
            (text.as_str(), image.as_str()),
            ("onnx/text_model.onnx", "onnx/vision_model_fp16.onnx")
        );
    }

    #[test]
    fn named_files_win() {
        let files = [
            "onnx/text_model.onnx",
            "onnx/vision_model.onnx",
            "onnx/text_model_int8.onnx",
        ];
        let overrides = |name: &str| Overrides {
            text_file: Some(name.to_owned()),
            ..Overrides::default()
        };
        let graphs = found(&files, &overrides("onnx/text_model_int8.onnx")).unwrap();
        assert_eq!(
            (graphs.text.as_str(), graphs.image.as_str()),
            (files[2], files[1])
        );
        assert!(matches!(
            found(&files, &overrides("../x.onnx")),
            Err(Error::InvalidOption(_))
        ));
        assert!(matches!(
            found(&files, &overrides("x.onnx")),
            Err(Error::MissingModelFile { .. })
        ));
    }

    #[test]
    fn missing_towers_are_named() {
        for (files, missing) in [
            (&["onnx/text_model.onnx"][..], "onnx/vision_model.onnx"),
            (&["visual/model.onnx"], "textual/model.onnx"),
            (&["readme.md"], "onnx/text_model.onnx"),
        ] {
            let error = found(files, &Overrides::default()).unwrap_err();
            assert!(
                matches!(&error, Error::MissingModelFile { file, .. } if file == missing),
                "{error}"
            );
        }
    }

    #[test]
    fn neighbours_are_searched_upwards() {
        assert_eq!(folders("a/onnx/model.onnx"), ["a/onnx", "a", ""]);
        assert_eq!(folders("model.onnx"), [""]);
    }
}
