//! CIE L\*a\*b\* with the white of D50 to sRGB: how TIFF, JPEG 2000 and Photoshop store colours that no screen has.

/// Steps of light.
const STEPS: f64 = 4095.0;

/// The way to sRGB.
pub(super) struct Lab {
    /// sRGB's level for each of 4096 steps of light.
    levels: Box<[u8]>,
}

impl Lab {
    pub(super) fn new() -> Self {
        let level = |step: u32| {
            let light = f64::from(step) / STEPS;
            let level = match light <= 0.003_130_8 {
                true => 12.92 * light,
                false => 1.055 * light.powf(1.0 / 2.4) - 0.055,
            };
            (255.0 * level + 0.5) as u8
        };
        Self {
            levels: (0..=STEPS as u32).map(level).collect(),
        }
    }

    /// The colour of bytes as ICC profiles code it: L\* from 0 to 255, the middle of a\* and b\* at 128.
    pub(super) fn of_bytes(&self, [l, a, b]: [u8; 3]) -> [u8; 3] {
        let middle = |sample: u8| f64::from(sample) - 128.0;
        self.rgb(f64::from(l) * 100.0 / 255.0, middle(a), middle(b))
    }

    /// The colour of L\*, 0 to 100, and a\* and b\*.
    pub(super) fn rgb(&self, l: f64, a: f64, b: f64) -> [u8; 3] {
        let y = (l + 16.0) / 116.0;
        let light = |root: f64| match root > 6.0 / 29.0 {
            true => root.powi(3),
            false => 3.0 * (6.0f64 / 29.0).powi(2) * (root - 4.0 / 29.0),
        };
        // White of D50, as ICC profiles have it.
        let x = 0.964_22 * light(y + a / 500.0);
        let z = 0.825_21 * light(y - b / 200.0);
        let y = light(y);
        // XYZ of D50 to sRGB with Bradford's adaptation to D65 (B. Lindbloom).
        [
            3.133_856_1 * x - 1.616_866_7 * y - 0.490_614_6 * z,
            -0.978_768_4 * x + 1.916_141_5 * y + 0.033_454_0 * z,
            0.071_945_3 * x - 0.228_991_4 * y + 1.405_242_7 * z,
        ]
        .map(|light| {
            let step = (light * STEPS + 0.5).clamp(0.0, STEPS) as usize;
            self.levels.get(step).copied().unwrap_or(u8::MAX)
        })
    }
}
