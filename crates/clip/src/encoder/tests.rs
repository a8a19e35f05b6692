//! Encoding with the embedded model and with graphs of a few nodes.

use super::*;
use crate::{
    inspect::Overrides,
    testing::{
        self, Directory,
        graph::{DIMENSIONS, FLOAT, Graph, INT32, INT64, SIDE},
    },
};
use std::{fs, thread, time::Duration};

const CAPTIONS: [&str; 5] = [
    "a photo of a cat",
    "two dogs running through deep snow near a red house",
    "",
    "a page of printed text",
    "🐈",
];

fn inspect(directory: &Path, runtime: &Runtime) -> Result<Manifest> {
    Manifest::inspect(
        directory,
        &Overrides::default(),
        runtime,
        &Cancel::default(),
    )
}

fn encoder(directory: &Directory, runtime: &Runtime) -> Encoder {
    let manifest = inspect(directory.path(), runtime).unwrap();
    Encoder::new(
        runtime.clone(),
        directory.path(),
        manifest,
        Options::default(),
    )
}

/// Noise of the size that `encoder` takes.
fn noise(encoder: &Encoder, count: u32) -> Vec<Vec<u8>> {
    let length = samples(encoder.manifest.image.size) as u32;
    (0..count)
        .map(|seed| {
            let sample = |at: u32| ((at + length * seed).wrapping_mul(2_654_435_761) >> 24) as u8;
            (0..length).map(sample).collect()
        })
        .collect()
}

fn borrowed(images: &[Vec<u8>]) -> Vec<&[u8]> {
    images.iter().map(Vec::as_slice).collect()
}

/// Largest difference between two lists of unit vectors.
fn distance(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    a.iter()
        .zip(b)
        .map(|(a, b)| (a - b).abs())
        .fold(0.0, f32::max)
}

#[test]
fn batches_do_not_change_embeddings() {
    let Some(runtime) = testing::runtime() else {
        return;
    };
    let directory = Directory::clip_mini();
    let cancel = Cancel::default();
    let mut one = encoder(&directory, &runtime);
    one.options.batch_size = 1;
    let images = noise(&one, 5);
    let texts = one.encode_texts(&CAPTIONS, &cancel).unwrap();
    let pictures = one.encode_images(&borrowed(&images), &cancel).unwrap();
    for rows in [texts.chunks_exact(512), pictures.chunks_exact(512)] {
        assert_eq!(rows.len(), 5);
        for row in rows {
            let norm = row.iter().map(|value| value * value).sum::<f32>();
            assert!((norm - 1.0).abs() < 1e-5, "{norm}");
        }
    }
    for batch_size in [2, 8] {
        let options = Options {
            batch_size,
            ..Options::default()
        };
        let manifest = one.manifest.clone();
        let mut several = Encoder::new(runtime.clone(), directory.path(), manifest, options);
        assert!(distance(&several.encode_texts(&CAPTIONS, &cancel).unwrap(), &texts) < 1e-5);
        let found = several.encode_images(&borrowed(&images), &cancel).unwrap();
        assert!(distance(&found, &pictures) < 1e-5);
    }
    assert!(one.encode_texts(&[], &cancel).unwrap().is_empty());
    assert!(one.encode_images(&[], &cancel).unwrap().is_empty());
}

#[test]
fn long_texts_are_truncated_and_longer_ones_refused() {
    let Some(runtime) = testing::runtime() else {
        return;
    };
    let directory = Directory::clip_mini();
    let mut encoder = encoder(&directory, &runtime);
    let cancel = Cancel::default();
    // A token for every word: 75 fit between begin and end.
    let text = |words| vec!["cat"; words].join(" ");
    let (full, long) = (text(75), text(10_000));
    let rows = encoder.encode_texts(&[&full, &long], &cancel).unwrap();
    assert!(distance(&rows[..512], &rows[512..]) < 1e-6);
    let endless = "x".repeat(crate::tokenize::MAX_TEXT_BYTES + 1);
    assert!(matches!(
        encoder.encode_texts(&["cat", &endless], &cancel),
        Err(Error::TextTooLong {
            bytes: 65_537,
            limit: 65_536
        })
    ));
}

#[test]
fn towers_are_loaded_when_used() {
    let Some(runtime) = testing::runtime() else {
        return;
    };
    let directory = testing::model(Graph::text(INT64, &[0, 0]), Graph::image(0));
    let mut encoder = encoder(&directory, &runtime);
    let cancel = Cancel::default();
    assert!(!encoder.is_loaded());
    // A missing image tower is no obstacle to texts.
    fs::remove_file(directory.path().join("onnx/vision_model.onnx")).unwrap();
    encoder.encode_texts(&["cat"], &cancel).unwrap();
    assert!(encoder.is_loaded());
    let images = noise(&encoder, 1);
    assert!(matches!(
        encoder.encode_images(&borrowed(&images), &cancel),
        Err(Error::MissingModelFile { file, .. }) if file == "onnx/vision_model.onnx"
    ));
    // What is loaded stays.
    fs::remove_file(directory.path().join("onnx/text_model.onnx")).unwrap();
    encoder.encode_texts(&["dog"], &cancel).unwrap();
}

#[test]
fn changed_files_are_refused() {
    let Some(runtime) = testing::runtime() else {
        return;
    };
    let cancel = Cancel::default();
    for file in [
        "onnx/text_model.onnx",
        "onnx/vision_model.onnx",
        "tokenizer.json",
    ] {
        let directory = testing::model(Graph::text(INT64, &[0, 0]), Graph::image(0));
        let mut encoder = encoder(&directory, &runtime);
        let path = directory.path().join(file);
        // The same length: only the contents tell.
        let contents = fs::read_to_string(&path).map_or_else(
            |_| [&[0x08, 7][..], &fs::read(&path).unwrap()[2..]].concat(),
            |text| text.replace("snow", "rain").into_bytes(),
        );
        directory.write(file, &contents);
        let images = noise(&encoder, 1);
        let result = if file.contains("vision") {
            encoder.encode_images(&borrowed(&images), &cancel)
        } else {
            encoder.encode_texts(&["cat"], &cancel)
        };
        assert!(
            matches!(&result, Err(Error::ModelFileChanged { file: changed, .. }) if changed == file),
            "{file}: {result:?}"
        );
    }
}

#[test]
fn images_of_another_size_are_refused() {
    let Some(runtime) = testing::runtime() else {
        return;
    };
    let directory = testing::model(Graph::text(INT64, &[0, 0]), Graph::image(0));
    let mut encoder = encoder(&directory, &runtime);
    assert!(matches!(
        encoder.encode_images(&[&[0; 192], &[0; 191]], &Cancel::default()),
        Err(Error::PixelCount {
            expected: 192,
            found: 191
        })
    ));
}

#[test]
fn canceled_calls_stop() {
    let Some(runtime) = testing::runtime() else {
        return;
    };
    let directory = Directory::clip_mini();
    let mut encoder = encoder(&directory, &runtime);
    let images = noise(&encoder, 8);
    let many: Vec<_> = borrowed(&images).into_iter().cycle().take(4000).collect();
    let canceled = |after: Duration, encoder: &mut Encoder| {
        let cancel = Cancel::default();
        thread::scope(|scope| {
            scope.spawn(|| {
                thread::sleep(after);
                cancel.cancel();
            });
            encoder.encode_images(&many, &cancel)
        })
    };
    // While the file is hashed or loaded, later while it runs.
    for milliseconds in [0, 5, 50, 800] {
        let result = canceled(Duration::from_millis(milliseconds), &mut encoder);
        assert!(matches!(result, Err(Error::Canceled)), "{milliseconds} ms");
    }
    // The encoder works on.
    let rows = encoder
        .encode_images(&many[..1], &Cancel::default())
        .unwrap();
    assert_eq!(rows.len(), 512);
    let canceled = Cancel::default();
    canceled.cancel();
    for result in [
        encoder.encode_texts(&["cat"], &canceled),
        encoder.encode_images(&many[..1], &canceled),
    ] {
        assert!(matches!(result, Err(Error::Canceled)));
    }
    let inspected = Manifest::inspect(directory.path(), &Overrides::default(), &runtime, &canceled);
    assert!(matches!(inspected, Err(Error::Canceled)));
}

#[test]
fn invalid_embeddings_are_refused() {
    let Some(runtime) = testing::runtime() else {
        return;
    };
    // 1 / (ids - 4): the word with id 4 becomes infinite.
    let inverse = Graph::default()
        .input("input_ids", INT64, &[0, 0])
        .output("text_embeds", FLOAT, &[0, 0])
        .floats("four", &[1], &[4.0])
        .floats("one", &[1], &[1.0])
        .cast("input_ids", "ids", FLOAT)
        .node("Sub", &["ids", "four"], "shifted", &[])
        .node("Div", &["one", "shifted"], "text_embeds", &[]);
    let directory = testing::model(inverse, Graph::image(0));
    let error = inspect(directory.path(), &runtime).unwrap_err();
    assert!(error.to_string().contains("not finite"), "{error}");
    // A black image has no direction.
    let directory = testing::model(
        Graph::text(INT64, &[0, 0]),
        Graph::default()
            .input("pixel_values", FLOAT, &[0, 3, SIDE, SIDE])
            .output("image_embeds", FLOAT, &[0, DIMENSIONS as u64])
            .floats("zero", &[1], &[0.0])
            .colors()
            .node("MatMul", &["colors", "map"], "mapped", &[])
            .node("Mul", &["mapped", "zero"], "image_embeds", &[]),
    );
    let error = inspect(directory.path(), &runtime).unwrap_err();
    assert!(
        matches!(&error, Error::InvalidEmbedding { file, .. } if file == "onnx/vision_model.onnx"),
        "{error}"
    );
}

#[test]
fn graphs_of_one_row_embed_many() {
    let Some(runtime) = testing::runtime() else {
        return;
    };
    let cancel = Cancel::default();
    let open = testing::model(Graph::text(INT64, &[0, 12]), Graph::image(0));
    let single = testing::model(Graph::text(INT32, &[1, 12]), Graph::image(1));
    let mut open = encoder(&open, &runtime);
    let mut single = encoder(&single, &runtime);
    assert!(!open.manifest.text.tower.single && !open.manifest.image.tower.single);
    assert!(single.manifest.text.tower.single && single.manifest.image.tower.single);
    let texts = ["cat", "dog snow", "house page text"];
    assert!(
        distance(
            &open.encode_texts(&texts, &cancel).unwrap(),
            &single.encode_texts(&texts, &cancel).unwrap(),
        ) < 1e-6
    );
    let images = noise(&open, 3);
    assert!(
        distance(
            &open.encode_images(&borrowed(&images), &cancel).unwrap(),
            &single.encode_images(&borrowed(&images), &cancel).unwrap(),
        ) < 1e-6
    );
}

#[test]
fn rows_are_normalized_or_refused() {
    let mut row = [3.0, -4.0];
    normalize(&mut row).unwrap();
    assert_eq!(row, [0.6, -0.8]);
    let mut huge = [f32::MAX, f32::MAX];
    normalize(&mut huge).unwrap();
    assert!((huge[0] - 0.5f32.sqrt()).abs() < 1e-6);
    let mut tiny = [f32::from_bits(1), 0.0];
    normalize(&mut tiny).unwrap();
    assert_eq!(tiny, [1.0, 0.0]);
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        assert_eq!(normalize(&mut [1.0, bad]), Err("it is not finite"));
    }
    assert_eq!(normalize(&mut [0.0, -0.0]), Err("all its elements are 0"));
}
