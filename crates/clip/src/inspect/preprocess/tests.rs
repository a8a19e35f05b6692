//! The dialects of published configuration files.

use super::*;
use crate::testing::Directory;
use serde_json::json;

fn clip() -> ModelConfig {
    ModelConfig::read(Path::new("/nonexistent"), "model.onnx").unwrap()
}

fn parsed(json: Value) -> Preprocess {
    parse(&json, usual(&clip(), None), &clip()).unwrap()
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
        (json!({"mean": HALF, "mode": "L"}), "mode"),
        (json!({"mean": HALF, "gamma": 2.2}), "gamma"),
        (
            json!({"size": {"shortest_edge": 224, "longest_edge": 448}}),
            "longest_edge",
        ),
        (json!({"size": {"longest_edge": 448}}), "longest_edge"),
        (
            json!({"size": {"max_height": 224, "max_width": 224}}),
            "max_height",
        ),
        (json!({"image_std": [0.5, "x", 0.5]}), "image_std"),
        (json!({"rescale_factor": 0}), "rescale_factor"),
        (json!({"do_pad": true}), "do_pad"),
        (
            json!({"do_flip_channel_order": true}),
            "do_flip_channel_order",
        ),
        (json!({"crop_pct": 0.875}), "crop_pct"),
        (json!({"rescale_offset": true}), "rescale_offset"),
        (json!({"size_divisor": 32}), "size_divisor"),
        (
            json!({"image_processor_type": "MobileViTImageProcessor"}),
            "MobileViTImageProcessor",
        ),
        (
            json!({"image_processor_type": "Siglip2ImageProcessor"}),
            "Siglip2ImageProcessor",
        ),
        (
            json!({"image_processor_type": "ConvNextImageProcessor", "crop_pct": 1.5}),
            "crop_pct",
        ),
        (
            json!({"image_processor_type": "ConvNextImageProcessor", "size": [224, 224]}),
            "size",
        ),
        (
            json!({"image_processor_type": "ConvNextImageProcessor", "do_center_crop": true}),
            "do_center_crop",
        ),
    ] {
        let error = parse(&json, usual(&clip(), None), &clip()).unwrap_err();
        assert!(error.contains(key), "{error}");
    }
}

#[test]
fn what_changes_nothing_is_passed_over() {
    let expected = usual(&clip(), None);
    let saved = json!({
        "image_processor_type": "CLIPImageProcessorFast", "size": {"shortest_edge": 224, "longest_edge": null},
        "crop_size": {"height": 224, "width": 224}, "data_format": "channels_first", "device": null,
        "do_pad": null, "do_flip_channel_order": false, "_valid_processor_keys": ["images"], "auto_map": {},
    });
    assert_eq!(parsed(saved), expected);
    // One level for all channels.
    assert_eq!(
        parsed(json!({"image_mean": 0.5, "image_std": 0.25})).std,
        [0.25; 3]
    );
}

/// By `transformers`' class of that name: rescaled to [-1, 1], and normalised a second time by the deviation alone.
#[test]
fn efficient_net_has_two_steps_more() {
    let align = |more: Value| {
        let mut json = json!({
            "image_processor_type": "EfficientNetImageProcessor", "size": {"height": 64, "width": 64}, "resample": 2,
            "do_center_crop": false, "rescale_factor": 1.0 / 127.5, "image_mean": HALF, "image_std": 0.25,
        });
        json.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        let found = parsed(json);
        assert_eq!((found.resize, found.crop), (Resize::Squash([64, 64]), None));
        (found.mean, found.std)
    };
    let offset = json!({"rescale_offset": true, "do_normalize": false, "include_top": false});
    assert_eq!(align(offset), ([1.0; 3], [1.0; 3]));
    let both = json!({"rescale_offset": true, "do_normalize": true, "include_top": true});
    assert_eq!(align(both), ([1.5; 3], [0.0625; 3]));
    // The second normalisation takes place by itself and where nothing is said.
    assert_eq!(align(json!({"do_normalize": false})), ([0.0; 3], [0.25; 3]));
}

#[test]
fn convnext_crops_by_a_fraction() {
    let convnext = |size: u32, crop_pct: Value| {
        let found = parsed(json!({
            "image_processor_type": "ConvNextImageProcessor", "size": {"shortest_edge": size}, "crop_pct": crop_pct,
        }));
        (found.resize, found.crop)
    };
    assert_eq!(
        convnext(64, json!(0.5)),
        (Resize::Shortest(128), Some([64, 64]))
    );
    assert_eq!(
        convnext(224, json!(null)),
        (Resize::Shortest(256), Some([224, 224]))
    );
    assert_eq!(
        convnext(384, json!(0.875)),
        (Resize::Squash([384, 384]), None)
    );
}

#[test]
fn families_have_their_own_defaults() {
    let siglip = ModelConfig {
        family: Family::Siglip,
        ..clip()
    };
    let found = parse(&json!({"size": 256}), usual(&siglip, None), &siglip).unwrap();
    assert_eq!(
        (found.resize, found.crop, found.mean),
        (Resize::Squash([256, 256]), None, HALF)
    );
    // What it does not do by itself, it does when it is told to.
    let crop = |crops: Value| {
        let json = json!({
            "image_processor_type": "SiglipImageProcessor", "size": {"height": 256, "width": 256},
            "do_center_crop": crops, "crop_size": {"height": 224, "width": 224},
        });
        parsed(json).crop
    };
    assert_eq!(
        (crop(json!(null)), crop(json!(true))),
        (None, Some([224, 224]))
    );
    let vit = parsed(json!({"image_processor_type": "ViTImageProcessor"}));
    assert_eq!(
        (vit.resize, vit.filter),
        (Resize::Squash([224, 224]), Filter::Bilinear)
    );
    let blip = parsed(json!({"image_processor_type": "BlipImageProcessor", "size": 384}));
    assert_eq!(
        (blip.resize, blip.mean),
        (Resize::Squash([384, 384]), OPENAI_MEAN)
    );
}

#[test]
fn every_file_of_a_checkpoint_is_read() {
    let none = Overrides::default();
    let read = |directory: &Directory| {
        super::read(
            directory.path(),
            "onnx/vision_model.onnx",
            &clip(),
            None,
            &none,
        )
        .unwrap()
    };
    let squash = json!({"image_processor_type": "SiglipImageProcessor", "size": {"height": 64, "width": 64}});
    let directory = Directory::new();
    assert!(!read(&directory).1);
    // The file of version 4 beside which the settings are elsewhere.
    let old = json!({"processor_class": "CLIPProcessor"});
    directory.write("processor_config.json", old.to_string().as_bytes());
    assert!(!read(&directory).1);
    let plain = json!({"size": 96, "crop_size": 96});
    directory.write("preprocessor_config.json", plain.to_string().as_bytes());
    assert_eq!(read(&directory).0.resize, Resize::Shortest(96));
    // Version 5 prefers its own.
    let new = json!({"processor_class": "CLIPProcessor", "image_processor": squash});
    directory.write("processor_config.json", new.to_string().as_bytes());
    let (found, described) = read(&directory);
    assert_eq!((found.resize, described), (Resize::Squash([64, 64]), true));

    let directory = Directory::new();
    let open_clip =
        json!({"model_cfg": {}, "preprocess_cfg": {"size": 32, "resize_mode": "squash"}});
    directory.write("open_clip_config.json", br#"{"model_cfg": {}}"#);
    assert!(!read(&directory).1);
    directory.write("config.json", open_clip.to_string().as_bytes());
    assert_eq!(read(&directory).0.resize, Resize::Squash([32, 32]));
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
        .map(|(preprocess, _)| preprocess)
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
