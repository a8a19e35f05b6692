//! The dialects of published configuration files.

use super::*;
use crate::testing::Directory;
use serde_json::json;

fn clip() -> ModelConfig {
    ModelConfig::read(Path::new("/nonexistent"), "model.onnx").unwrap()
}

fn parsed(json: Value) -> Preprocess {
    parse(&json, usual(&clip(), None)).unwrap()
}

#[test]
fn clip_is_shortest_and_crop() {
    let expected = usual(&clip(), None);
    assert_eq!(
        (expected.resize, expected.crop),
        (Resize::Shortest(224), Some([224, 224]))
    );
    let new = json!({
        "image_processor_type": "CLIPImageProcessor", "do_resize": true, "size": {"shortest_edge": 224},
        "resample": 3, "do_center_crop": true, "crop_size": {"height": 224, "width": 224}, "do_rescale": true,
        "rescale_factor": 1.0 / 255.0, "do_normalize": true, "image_mean": OPENAI_MEAN, "image_std": OPENAI_STD,
        "do_convert_rgb": true,
    });
    assert_eq!(parsed(new), expected);
    let old = json!({
        "feature_extractor_type": "CLIPFeatureExtractor", "size": 224, "crop_size": 224, "resample": 3,
        "do_center_crop": true, "do_normalize": true, "do_resize": true,
    });
    assert_eq!(parsed(old), expected);
    let immich = json!({
        "size": [224, 224], "mode": "RGB", "mean": OPENAI_MEAN, "std": OPENAI_STD, "interpolation": "bicubic",
        "resize_mode": "shortest", "fill_color": 0,
    });
    assert_eq!(parsed(immich), expected);
    assert_eq!(
        parsed(json!({"size": 224, "mean": OPENAI_MEAN, "std": OPENAI_STD})),
        expected
    );
}

#[test]
fn siglip_is_squashed() {
    let siglip = parsed(json!({
        "image_processor_type": "SiglipImageProcessor", "size": {"height": 224, "width": 224}, "resample": 2,
        "image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5],
    }));
    assert_eq!(
        (siglip.resize, siglip.crop),
        (Resize::Squash([224, 224]), None)
    );
    assert_eq!(
        (siglip.filter, siglip.mean, siglip.std),
        (Filter::Bilinear, HALF, HALF)
    );
    let vit = parsed(json!({"feature_extractor_type": "ViTFeatureExtractor", "size": 384}));
    assert_eq!(vit.resize, Resize::Squash([384, 384]));
    let open_clip =
        parsed(json!({"size": [384, 384], "mean": HALF, "std": HALF, "resize_mode": "squash"}));
    assert_eq!(open_clip.resize, Resize::Squash([384, 384]));
}

#[test]
fn mobileclip_does_not_normalise() {
    let mobile = parsed(json!({
        "image_processor_type": "CLIPFeatureExtractor", "size": {"shortest_edge": 256}, "resample": 2,
        "do_center_crop": true, "crop_size": {"height": 256, "width": 256}, "do_normalize": false,
        "image_mean": [0, 0, 0], "image_std": [1, 1, 1],
    }));
    assert_eq!(
        (mobile.mean, mobile.std, mobile.filter),
        ([0.0; 3], [1.0; 3], Filter::Bilinear)
    );
    assert_eq!(
        (mobile.resize, mobile.crop),
        (Resize::Shortest(256), Some([256, 256]))
    );
    assert_eq!(parsed(json!({"do_rescale": false})).rescale_factor, 1.0);
}

#[test]
fn longest_is_padded() {
    let padded = parsed(json!({"size": 224, "resize_mode": "longest", "fill_color": [1, 2, 3]}));
    assert_eq!(
        padded.resize,
        Resize::Longest {
            size: 224,
            fill: [1, 2, 3]
        }
    );
    assert_eq!(padded.size(), Some([224, 224]));
}

#[test]
fn unusable_values_are_named() {
    for (json, key) in [
        (json!({"resample": 5}), "resample"),
        (json!({"size": "big"}), "size"),
        (json!({"size": 0}), "size"),
        (json!({"crop_size": [1, 2, 3]}), "crop_size"),
        (json!({"image_mean": [0.5]}), "image_mean"),
        (json!({"image_std": [0.5, 0.0, 0.5]}), "image_std"),
        (json!({"do_normalize": "yes"}), "do_normalize"),
        (json!({"resize_mode": "stretch"}), "resize_mode"),
        (json!({"interpolation": "hamming"}), "interpolation"),
        (json!({"mean": HALF, "size": [224, 336]}), "size"),
    ] {
        let error = parse(&json, usual(&clip(), None)).unwrap_err();
        assert!(error.contains(key), "{error}");
    }
}

#[test]
fn the_graph_has_a_say() {
    let directory = Directory::new();
    let read = |size, overrides: &Overrides| {
        super::read(
            directory.path(),
            "visual/model.onnx",
            &clip(),
            size,
            overrides,
        )
    };
    let none = Overrides::default();
    assert_eq!(
        read(Some([288, 288]), &none).unwrap().crop,
        Some([288, 288])
    );
    directory.write(
        "visual/preprocess_cfg.json",
        br#"{"size": 256, "interpolation": "bilinear"}"#,
    );
    assert_eq!(read(None, &none).unwrap().crop, Some([256, 256]));
    let error = read(Some([288, 288]), &none).unwrap_err().to_string();
    assert!(
        error.contains("256 x 256") && error.contains("288 x 288"),
        "{error}"
    );
    let overrides = Overrides {
        alpha: Some(Alpha::White),
        exif_orientation: Some(false),
        ..Overrides::default()
    };
    let preprocess = read(None, &overrides).unwrap();
    assert_eq!(
        (preprocess.alpha, preprocess.exif_orientation),
        (Alpha::White, false)
    );
    directory.write("visual/preprocess_cfg.json", b"{");
    assert!(matches!(
        read(None, &none),
        Err(Error::InvalidModelFile { .. })
    ));
}
