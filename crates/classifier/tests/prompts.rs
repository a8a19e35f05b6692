//! What becomes of labels and prompts, with embeddings made by hand.

use classifier::prompts::{Embedder, Prompts};
use classifier::{Activation, Error};
use half::f16;

fn strings(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|&text| text.to_owned()).collect()
}

fn labels(labels: &[&str]) -> Prompts {
    Prompts {
        labels: strings(labels),
        ..Prompts::default()
    }
}

fn embedder() -> Embedder {
    Embedder {
        origin: None,
        dimensions: 2,
        activation: Activation::Softmax,
        scale: 10.0,
        bias: -1.5,
    }
}

fn halves(vectors: &[[f32; 2]]) -> Vec<Vec<f16>> {
    let halves = |vector: &[f32; 2]| vector.iter().copied().map(f16::from_f32).collect();
    vectors.iter().map(halves).collect()
}

#[test]
fn labels_alone_are_photos() {
    let texts = labels(&["map", "portrait"]);
    let (template, prompts) = ("a photo of a {}", ["map", "portrait"]);
    assert_eq!(texts.texts(), prompts.map(|prompt| (template, prompt)));
}

#[test]
fn prompts_stand_for_themselves_without_templates() {
    let given = Prompts {
        prompts: Some(strings(&["a map", "a face"])),
        distractors: strings(&["noise"]),
        ..labels(&["map", "portrait"])
    };
    let texts = ["a map", "a face", "noise"];
    assert_eq!(given.texts(), texts.map(|prompt| ("{}", prompt)));
}

#[test]
fn equal_labels_share_their_prompts_and_all_templates() {
    let given = Prompts {
        templates: Some(strings(&["{}", "no {}"])),
        ..labels(&["b", "a", "b"])
    };
    given.check().unwrap();
    let texts = [
        ("{}", "b"),
        ("no {}", "b"),
        ("{}", "b"),
        ("no {}", "b"),
        ("{}", "a"),
        ("no {}", "a"),
    ];
    assert_eq!(given.texts(), texts);
    let up = [[0.0, 2.0]; 4];
    let right = [[5.0, 0.0]; 2];
    let embeddings = halves(&[&up[..], &right].concat());
    let embeddings = embeddings.iter().map(Vec::as_slice);
    let classifier = given.classifier(embedder(), embeddings).unwrap();
    let names: Vec<_> = classifier.labels().iter().flatten().collect();
    assert_eq!(names, ["b", "a"]);
    let vectors: Vec<_> = classifier.vectors().collect();
    assert_eq!(vectors, [[0.0, 1.0], [1.0, 0.0]]);
    assert_eq!(classifier.biases(), [-1.5, -1.5]);
    assert_eq!(classifier.activation(), Activation::Softmax);
}

#[test]
fn a_pair_is_a_difference() {
    let given = Prompts {
        minus_prompts: Some(strings(&["no map"])),
        ..labels(&["map"])
    };
    given.check().unwrap();
    let embeddings = halves(&[[1.0, 0.0], [0.0, 1.0]]);
    let embeddings = embeddings.iter().map(Vec::as_slice);
    let classifier = given.classifier(embedder(), embeddings).unwrap();
    assert_eq!(classifier.vectors().next().unwrap(), [1.0, -1.0]);
    assert_eq!(classifier.biases(), [0.0]);
    assert_eq!(classifier.activation(), Activation::Sigmoid);
}

#[test]
fn opposite_prompts_have_no_direction() {
    let given = labels(&["a", "a", "b"]);
    let embeddings = halves(&[[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0]]);
    let embeddings = embeddings.iter().map(Vec::as_slice);
    let error = given.classifier(embedder(), embeddings).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the prompts of label \"a\" cancel each other out"
    );
}

#[test]
fn what_does_not_go_together_is_refused() {
    let pair = labels(&["a", "b"]);
    let short = Prompts {
        prompts: Some(strings(&["a"])),
        ..pair.clone()
    };
    assert!(matches!(
        short.check(),
        Err(Error::Lengths {
            name: "prompts",
            actual: 1,
            labels: 2
        })
    ));
    let none = Prompts {
        templates: Some(Vec::new()),
        ..pair.clone()
    };
    assert!(matches!(none.check(), Err(Error::NoTemplates)));
    let no_place = Prompts {
        templates: Some(strings(&["{}", "a photo"])),
        ..pair.clone()
    };
    assert!(matches!(no_place.check(), Err(Error::Template(template)) if template == "a photo"));
    let both = Prompts {
        minus_prompts: Some(strings(&["c", "d"])),
        distractors: strings(&["e"]),
        ..pair
    };
    assert!(matches!(both.check(), Err(Error::TwoNegations)));
}
