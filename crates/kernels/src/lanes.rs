//! The kernels, written once over a register of `f32` lanes that each instruction set supplies.
//!
//! Every kernel adds its terms in the same order: what two of them both compute, such as a norm, has
//! the same bits. Hence the exact zero of a vector's cosine distance to itself.
#![allow(unsafe_code)]

/// A register of `f32` lanes.
///
/// A value is proof that the machine has the instructions: making one is unsafe, using it is not.
/// Every method of an implementation is `#[inline(always)]`, or the instructions become calls.
pub(crate) trait Lanes: Copy {
    /// The number of lanes.
    const LEN: usize;

    /// Zero in every lane.
    ///
    /// # Safety
    /// The machine has the instruction set.
    unsafe fn zero() -> Self;

    fn add(self, other: Self) -> Self;
    fn sub(self, other: Self) -> Self;
    fn abs(self) -> Self;
    /// `self · other + sum`, rounded once.
    fn mul_add(self, other: Self, sum: Self) -> Self;
    /// The sum of all lanes.
    fn sum(self) -> f32;
}

/// Lanes that can be read from elements of type `T`, widened exactly.
pub(crate) trait Load<T>: Lanes {
    /// Reads [`Lanes::LEN`] elements.
    ///
    /// # Safety
    /// The machine has the instruction set, and `from` is valid for reading that many elements. It
    /// need not be aligned beyond what `T` asks.
    unsafe fn load(from: *const T) -> Self;

    /// Reads `n` elements and leaves zero in the other lanes.
    ///
    /// # Safety
    /// As [`Load::load`], for `n < LEN` elements: none beyond them is touched.
    unsafe fn load_first(from: *const T, n: usize) -> Self;
}

/// What a pair of elements adds to each of `N` sums. A pair of zeros adds nothing.
pub(crate) trait Measure<const N: usize> {
    fn add<V: Lanes>(sums: [V; N], a: V, b: V) -> [V; N];
}

/// `Σ ab`.
pub(crate) struct Dot;

impl Measure<1> for Dot {
    #[inline(always)]
    fn add<V: Lanes>([dot]: [V; 1], a: V, b: V) -> [V; 1] {
        [a.mul_add(b, dot)]
    }
}

/// `Σ ab`, `Σ b²`.
pub(crate) struct DotAndNorm;

impl Measure<2> for DotAndNorm {
    #[inline(always)]
    fn add<V: Lanes>([dot, b_norm]: [V; 2], a: V, b: V) -> [V; 2] {
        [a.mul_add(b, dot), b.mul_add(b, b_norm)]
    }
}

/// `Σ ab`, `Σ a²`, `Σ b²`.
pub(crate) struct DotAndNorms;

impl Measure<3> for DotAndNorms {
    #[inline(always)]
    fn add<V: Lanes>([dot, a_norm, b_norm]: [V; 3], a: V, b: V) -> [V; 3] {
        [
            a.mul_add(b, dot),
            a.mul_add(a, a_norm),
            b.mul_add(b, b_norm),
        ]
    }
}

/// `Σ (a - b)²`.
pub(crate) struct L2;

impl Measure<1> for L2 {
    #[inline(always)]
    fn add<V: Lanes>([sum]: [V; 1], a: V, b: V) -> [V; 1] {
        let difference = a.sub(b);
        [difference.mul_add(difference, sum)]
    }
}

/// `Σ |a - b|`.
pub(crate) struct L1;

impl Measure<1> for L1 {
    #[inline(always)]
    fn add<V: Lanes>([sum]: [V; 1], a: V, b: V) -> [V; 1] {
        [sum.add(a.sub(b).abs())]
    }
}

/// Sums `M` over the pairs of `a` and `b`.
///
/// Four registers per sum hide the latency of a fused multiply-add: four cycles, two a cycle, less
/// the cycles that the loads and conversions take.
///
/// # Safety
/// The machine has the instruction set of `V`.
#[inline(always)]
pub(crate) unsafe fn accumulate<T, U, V: Load<T> + Load<U>, M: Measure<N>, const N: usize>(
    a: &[T],
    b: &[U],
) -> [f32; N] {
    let n = a.len().min(b.len());
    let (a, b) = (a.as_ptr(), b.as_ptr());
    let mut done = 0;

    // SAFETY: the caller vouches for the machine, and this touches no memory.
    let mut sums = [[unsafe { V::zero() }; N]; 4];
    while n - done >= 4 * V::LEN {
        for sums in &mut sums {
            // SAFETY: the caller vouches for the machine; at each of the four steps `LEN` elements of both slices lie
            // between `done` and `n`.
            let (x, y): (V, V) = unsafe { (V::load(a.add(done)), V::load(b.add(done))) };
            *sums = M::add(*sums, x, y);
            done += V::LEN;
        }
    }

    let [mut first, second, third, fourth] = sums;
    while n - done >= V::LEN {
        // SAFETY: the caller vouches for the machine; `LEN` elements of both slices lie between `done` and `n`.
        let (x, y): (V, V) = unsafe { (V::load(a.add(done)), V::load(b.add(done))) };
        first = M::add(first, x, y);
        done += V::LEN;
    }
    let rest = n - done;
    if rest > 0 {
        // SAFETY: the caller vouches for the machine; `rest` elements of both slices, less than `LEN`, lie between `done`
        // and `n`.
        let (x, y): (V, V) = unsafe {
            (
                V::load_first(a.add(done), rest),
                V::load_first(b.add(done), rest),
            )
        };
        first = M::add(first, x, y);
    }

    // A loop, for a closure is a function that lacks the caller's instructions where it is not inlined.
    let mut total = [0.0; N];
    for (i, total) in total.iter_mut().enumerate() {
        *total = first[i].add(second[i]).add(third[i].add(fourth[i])).sum();
    }
    total
}

/// Copies `n` elements to the front of an array of zeros: the partial load of an instruction set
/// without masks.
///
/// # Safety
/// `from` is valid for reading `n` elements, and `n <= LEN`.
#[inline(always)]
pub(crate) unsafe fn padded<T: Copy + Default, const LEN: usize>(
    from: *const T,
    n: usize,
) -> [T; LEN] {
    let mut elements = [T::default(); LEN];
    // SAFETY: the caller vouches for the source; the array is its own and has room for `n`.
    unsafe { from.copy_to_nonoverlapping(elements.as_mut_ptr(), n) };
    elements
}

/// The [`Kernels`](crate::set::Kernels) that `$sums`, a function generic over element type,
/// measure and number of sums, instantiates.
macro_rules! kernels {
    ($sums:ident) => {
        $crate::set::Kernels {
            dot: $sums::<_, $crate::lanes::Dot, 1>,
            dot_and_norm_squared: $sums::<_, $crate::lanes::DotAndNorm, 2>,
            dot_and_norms_squared: $sums::<_, $crate::lanes::DotAndNorms, 3>,
            l2_squared: $sums::<_, $crate::lanes::L2, 1>,
            l1: $sums::<_, $crate::lanes::L1, 1>,
        }
    };
}
pub(crate) use kernels;
