//! From similarity to probability: logit scale, bias and activation of a model.

use super::{
    Overrides,
    config::{Family, ModelConfig},
};
use crate::manifest::{Activation, LogitSource};

/// `logit = scale · cosine + bias`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Logits {
    pub scale: f64,
    pub bias: f64,
    pub activation: Activation,
    /// Where the scale comes from.
    pub source: LogitSource,
    /// Whether scale or bias are another checkpoint's.
    pub borrowed: bool,
}

/// What `transformers` writes into every configuration: ln(1 / 0.07), where training starts.
const STOCK_INIT: f64 = 2.6592;
/// Where CLIP's training ends, at the limit it sets itself.
const CLIP_SCALE: f64 = 100.0;
/// Scale and bias of SigLIP B/16 at 224 pixels.
const SIGLIP: (f64, f64) = (117.3308, -12.9324);
/// Biases below this are noise of a fit through the logits of a model without one.
const MIN_BIAS: f64 = 0.05;

/// Chooses, in this order: what the caller says, what was `measured` on a graph that computes logits, what the
/// configuration holds, what the family has.
///
/// The configuration's `logit_scale_init_value` is the value before training. Published checkpoints leave the stock
/// value there, which says nothing; any other was put there because it is the model's.
pub(super) fn choose(
    overrides: &Overrides,
    measured: Option<(f64, f64)>,
    config: &ModelConfig,
) -> Logits {
    let configured = config
        .logit_scale
        .filter(|scale| (scale - STOCK_INIT).abs() > 1e-3)
        .map(f64::exp)
        .filter(|scale| scale.is_finite())
        .map(|scale| (scale, 0.0));
    let (found, source) = match (measured, configured) {
        (Some(measured), _) => (Some(measured), LogitSource::Graph),
        (None, Some(configured)) => (Some(configured), LogitSource::Configuration),
        (None, None) => (None, LogitSource::Family),
    };
    let usual = match config.family {
        _ if config.sigmoid => SIGLIP,
        Family::Siglip | Family::Siglip2 => SIGLIP,
        Family::Clip | Family::Unpadded => (CLIP_SCALE, 0.0),
    };
    let (scale, bias) = found.unwrap_or(usual);
    let (scale, bias) = (rounded(scale), rounded(bias));
    let bias = overrides
        .logit_bias
        .unwrap_or(if bias.abs() < MIN_BIAS { 0.0 } else { bias });
    let sigmoid = config.sigmoid || bias != 0.0;
    let given = overrides.logit_scale.is_some() && (overrides.logit_bias.is_some() || !sigmoid);
    Logits {
        source: match overrides.logit_scale {
            Some(_) => LogitSource::Options,
            None => source,
        },
        borrowed: found.is_none() && !given && !config.has_clips_scale(),
        scale: overrides.logit_scale.unwrap_or(scale),
        bias,
        activation: overrides.activation.unwrap_or(if sigmoid {
            Activation::Sigmoid
        } else {
            Activation::Softmax
        }),
    }
}

/// To the seven significant digits that single precision holds: what is beyond them depends on the machine.
fn rounded(value: f64) -> f64 {
    format!("{value:.6e}").parse().unwrap_or(value)
}

/// The line through `(cosine, logit)` points by least squares, if they lie on one that rises.
pub(super) fn fit(points: &[(f64, f64)]) -> Option<(f64, f64)> {
    let count = points.len() as f64;
    let mean_x = points.iter().map(|(x, _)| x).sum::<f64>() / count;
    let mean_y = points.iter().map(|(_, y)| y).sum::<f64>() / count;
    let spread = points
        .iter()
        .map(|(x, _)| (x - mean_x).powi(2))
        .sum::<f64>();
    let scale = points
        .iter()
        .map(|(x, y)| (x - mean_x) * (y - mean_y))
        .sum::<f64>()
        / spread;
    let bias = mean_y - scale * mean_x;
    let range = points
        .iter()
        .map(|(_, y)| (y - mean_y).abs())
        .fold(0.0, f64::max);
    let straight = points
        .iter()
        .all(|(x, y)| (scale * x + bias - y).abs() <= 0.02 * range + 1e-3);
    (scale.is_finite() && scale > 0.0 && straight).then_some((scale, bias))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inspect::config::ModelConfig;
    use std::path::Path;

    fn config(family: Family, logit_scale: Option<f64>) -> ModelConfig {
        let sigmoid = matches!(family, Family::Siglip | Family::Siglip2);
        let plain = ModelConfig::read(Path::new("/nonexistent"), "model.onnx").unwrap();
        ModelConfig {
            family,
            logit_scale,
            sigmoid,
            ..plain
        }
    }

    #[test]
    fn sources_have_an_order() {
        let none = Overrides::default();
        let stock = config(Family::Clip, Some(2.6592));
        assert_eq!(choose(&none, None, &stock).scale, 100.0);
        let trained = config(Family::Clip, Some(27.4f64.ln()));
        assert!((choose(&none, None, &trained).scale - 27.4).abs() < 1e-9);
        let measured = choose(&none, Some((50.0, 1e-4)), &trained);
        assert_eq!(
            (measured.scale, measured.bias, measured.activation),
            (50.0, 0.0, Activation::Softmax)
        );
        let sources = [
            (choose(&none, None, &stock), LogitSource::Family),
            (choose(&none, None, &trained), LogitSource::Configuration),
            (measured, LogitSource::Graph),
        ];
        for (logits, source) in sources {
            assert_eq!((logits.source, logits.borrowed), (source, false));
        }
        let siglip = choose(&none, None, &config(Family::Siglip, None));
        assert_eq!(
            (siglip.source, siglip.borrowed),
            (LogitSource::Family, true)
        );
        assert_eq!(
            (siglip.scale, siglip.bias, siglip.activation),
            (117.3308, -12.9324, Activation::Sigmoid)
        );
        let overrides = Overrides {
            logit_scale: Some(10.0),
            activation: Some(Activation::Softmax),
            ..Overrides::default()
        };
        let chosen = choose(&overrides, Some((50.0, -3.0)), &stock);
        assert_eq!(
            (chosen.scale, chosen.bias, chosen.activation),
            (10.0, -3.0, Activation::Softmax)
        );
        assert_eq!(chosen.source, LogitSource::Options);
    }

    #[test]
    fn what_is_borrowed_is_known() {
        let with = |scale, bias| Overrides {
            logit_scale: scale,
            logit_bias: bias,
            ..Overrides::default()
        };
        let siglip = config(Family::Siglip2, None);
        // The bias alone would still be another model's.
        for (overrides, borrowed) in [
            (with(Some(112.0), None), true),
            (with(None, Some(-16.0)), true),
            (with(Some(112.0), Some(-16.0)), false),
        ] {
            assert_eq!(choose(&overrides, None, &siglip).borrowed, borrowed);
        }
        let align = ModelConfig {
            model_type: "align".to_owned(),
            ..config(Family::Clip, None)
        };
        assert!(choose(&with(None, None), None, &align).borrowed);
        assert!(!choose(&with(Some(50.0), None), None, &align).borrowed);
        assert!(!choose(&with(None, None), None, &config(Family::Clip, None)).borrowed);
    }

    #[test]
    fn lines_are_fitted() {
        let line = |x: f64| (x, 112.5 * x - 16.7);
        let (scale, bias) = fit(&[line(0.1), line(-0.02), line(0.05)]).unwrap();
        assert!((scale - 112.5).abs() < 1e-6 && (bias + 16.7).abs() < 1e-6);
        assert_eq!(fit(&[(0.1, 3.0), (0.1, 3.0)]), None);
        assert_eq!(fit(&[(0.1, 3.0), (0.2, -5.0), (0.3, 9.0)]), None);
        assert_eq!(fit(&[(0.1, 3.0), (0.2, 2.0)]), None);
        assert_eq!(fit(&[]), None);
    }
}
