//! Filters: what an index knows of a row beside its vector, a word of 64 bits for each filter column, and conditions on
//! those words.
//!
//! A value's word says as much of it as fits: integers, times and short texts wholly, others by their beginning, by a
//! rounded number or by a hash. Words are in the order of the values where the type is said to be ordered. So a condition on
//! a value becomes one on its word that holds whenever the condition does; where it may hold otherwise, the filter is not
//! [exact](Filter::is_exact), and whoever has the value looks again.
//!
//! A node has the words of its rows. Where these differ, for equal vectors are one node, the word says just that,
//! [`MIXED`], and passes every condition.

use crate::signature::Signature;
use crate::zone::Zone;

/// Rows of the node differ in this column.
pub const MIXED: u64 = u64::MAX;
/// The word of NULL.
pub const NULL: u64 = MIXED - 1;
/// The largest word of a value.
const LAST: u64 = NULL - 1;
/// Bytes of a text that [`Word::short`] holds.
const SHORT: usize = 7;

/// The word of a value, and whether no other value of its type has the same.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Word {
    /// The word, less than [`NULL`].
    pub word: u64,
    /// Whether the value is the only one that has it.
    pub is_exact: bool,
}

impl Word {
    /// `is_exact` as though there were words enough; the last two stand for others.
    fn new(word: u64, is_exact: bool) -> Self {
        Self {
            word: word.min(LAST),
            is_exact: is_exact && word < LAST,
        }
    }

    /// Of an integer, or what is counted in integers, as times are. Ordered.
    pub fn integer(value: i64) -> Self {
        Self::new(value.cast_unsigned() ^ 1 << 63, true)
    }

    /// Of a number in floating point, in PostgreSQL's order: both zeros are one, what is not a number comes last.
    pub fn float(value: f64) -> Self {
        let bits = match value {
            _ if value.is_nan() => f64::NAN.to_bits() & !(1 << 63),
            0.0 => 0,
            _ => value.to_bits(),
        };
        Self::new(
            if bits >> 63 == 0 {
                bits | 1 << 63
            } else {
                !bits
            },
            true,
        )
    }

    /// Of a number that was rounded to this one, in a way that keeps the order.
    pub fn rounded(value: f64) -> Self {
        Self {
            is_exact: false,
            ..Self::float(value)
        }
    }

    /// Of bytes without zeros, or of bytes of one length, in the order of the bytes.
    pub fn beginning(bytes: &[u8]) -> Self {
        let mut word = [0; 8];
        let len = bytes.len().min(word.len());
        word[..len].copy_from_slice(&bytes[..len]);
        Self::new(u64::from_be_bytes(word), bytes.len() < word.len())
    }

    /// Of a short text without zeros, which is a word of its own. In no order.
    pub fn short(bytes: &[u8]) -> Option<Self> {
        let mut word = [0; 8];
        let end = bytes.len().checked_add(1).filter(|&end| end <= 1 + SHORT)?;
        word[1..end].copy_from_slice(bytes);
        Some(Self::new(u64::from_be_bytes(word), true))
    }

    /// Of a set.
    pub fn set(signature: Signature) -> Self {
        Self::new(signature.bits(), false)
    }

    /// Of a value by its hash, in no order.
    pub fn hashed(hash: u64) -> Self {
        Self::new(hash | 1 << 63, false)
    }
}

/// Whether words of a node may be those of rows with these words.
pub(crate) fn cover(words: &[u64], others: &[u64]) -> bool {
    let mut pairs = words.iter().zip(others);
    pairs.all(|(&word, &other)| word == other || word == MIXED)
}

/// A word for two rows of a node.
pub(crate) fn merge(word: u64, other: u64) -> u64 {
    if word == other { word } else { MIXED }
}

/// How a value is compared with another one, which comes second.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Comparison {
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `=`
    Equal,
    /// `>=`
    GreaterOrEqual,
    /// `>`
    Greater,
}

impl Comparison {
    /// All of them, in the order of the strategies of a B-tree.
    pub const ALL: [Self; 5] = [
        Self::Less,
        Self::LessOrEqual,
        Self::Equal,
        Self::GreaterOrEqual,
        Self::Greater,
    ];
}

/// Words from the first to the second, both included.
type Range = (u64, u64);

/// Words with all bits of the first, and none but those of the second.
type Set = (u64, u64);

/// Which words of a column pass: those in one of the ranges or sets.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Condition {
    /// In order, apart from each other.
    ranges: Vec<Range>,
    /// Of [signatures](Signature).
    sets: Vec<Set>,
    is_exact: bool,
}

/// Each of the sets once. Elements have no more than some two thousand signatures, however many there are.
fn distinct(mut sets: Vec<Set>) -> Vec<Set> {
    sets.sort_unstable();
    sets.dedup();
    sets
}

/// The numbers of the words that pass.
#[inline]
fn pick(words: &[u64], entries: &mut Vec<u16>, passes: impl Fn(u64) -> bool) {
    let mut count = 0;
    entries.resize(words.len(), 0);
    for (at, &word) in (0..).zip(words) {
        // A branch would be anybody's guess.
        if let Some(entry) = entries.get_mut(count) {
            *entry = at;
        }
        count += usize::from(passes(word));
    }
    entries.truncate(count);
}

impl Condition {
    fn of(ranges: Vec<Range>, is_exact: bool) -> Self {
        Self {
            ranges,
            sets: Vec::new(),
            is_exact,
        }
    }

    fn of_sets(sets: Vec<Set>) -> Self {
        Self {
            ranges: Vec::new(),
            sets: distinct(sets),
            is_exact: false,
        }
    }

    /// Sets that have all elements of one with this signature.
    pub fn has(set: Signature) -> Self {
        Self::of_sets(vec![(set.bits(), Signature::UNKNOWN.bits())])
    }

    /// Sets that have one of these elements.
    pub fn has_one(elements: impl IntoIterator<Item = Signature>) -> Self {
        let elements = elements.into_iter();
        let set = |element: Signature| (element.bits(), Signature::UNKNOWN.bits());
        Self::of_sets(elements.map(set).collect())
    }

    /// Sets that have no other elements than one with this signature.
    pub fn within(set: Signature) -> Self {
        Self::of_sets(vec![(0, set.bits())])
    }

    /// Values that compare so with one of that word. But for equality, words are in the order of the values.
    pub fn compared(comparison: Comparison, Word { word, is_exact }: Word) -> Self {
        // Of the values that share a word, some pass.
        let apart = u64::from(is_exact);
        let range = match comparison {
            Comparison::Less => word.checked_sub(apart).map(|end| (0, end)),
            Comparison::LessOrEqual => Some((0, word)),
            Comparison::Equal => Some((word, word)),
            Comparison::GreaterOrEqual => Some((word, LAST)),
            Comparison::Greater => Some((word + apart, LAST)),
        };
        Self::of(range.into_iter().collect(), is_exact)
    }

    /// Values that are NULL.
    pub fn null() -> Self {
        Self::of(vec![(NULL, NULL)], true)
    }

    /// Values that are not NULL.
    pub fn not_null() -> Self {
        Self::of(vec![(0, LAST)], true)
    }

    /// Values about which their words say nothing, but that they are none.
    pub fn unknown() -> Self {
        Self::of(vec![(0, LAST)], false)
    }

    /// Values that pass one of these.
    pub fn any(conditions: impl IntoIterator<Item = Self>) -> Self {
        let (mut ranges, mut sets, mut is_exact) = (Vec::new(), Vec::new(), true);
        for condition in conditions {
            ranges.extend(condition.ranges);
            sets.extend(condition.sets);
            is_exact &= condition.is_exact;
        }
        ranges.sort_unstable();
        ranges.dedup_by(|next: &mut Range, last: &mut Range| {
            let touches = next.0 <= last.1.saturating_add(1);
            if touches {
                last.1 = last.1.max(next.1);
            }
            touches
        });
        Self {
            ranges,
            sets: distinct(sets),
            is_exact,
        }
    }

    /// Keeps of `entries`, numbers of words, those that pass.
    fn retain(&self, words: &[u64], entries: &mut Vec<u16>) {
        entries.retain(|&at| self.passes(words[usize::from(at)]));
    }

    /// The numbers of the words that pass.
    fn select(&self, words: &[u64], entries: &mut Vec<u16>) {
        match &self.ranges[..] {
            &[(first, last)] if self.sets.is_empty() => {
                let length = last - first;
                let in_range = |word: u64| word.wrapping_sub(first) <= length;
                pick(words, entries, |word| in_range(word) | (word == MIXED));
            }
            _ => pick(words, entries, |word| self.passes(word)),
        }
    }

    /// Whether a word may pass of those that a zone tells of. Of sets it tells nothing.
    fn may_pass(&self, zone: Zone) -> bool {
        let after = self.ranges.partition_point(|range| range.1 < zone.least);
        let mut ranges = self.ranges[after..]
            .iter()
            .take_while(|range| range.0 <= zone.most);
        zone.most == MIXED
            || !self.sets.is_empty()
            || ranges.any(|&(first, last)| first < last || zone.covers(first))
    }

    fn is_in_a_set(&self, word: u64) -> bool {
        let mut sets = self.sets.iter();
        sets.any(|&(least, most)| word & least == least && word & !most == 0)
    }

    #[inline]
    fn passes(&self, word: u64) -> bool {
        let after = match &self.ranges[..] {
            &[(first, last)] if self.sets.is_empty() => {
                return first <= word && word <= last || word == MIXED;
            }
            [] => return self.is_in_a_set(word) || word == MIXED,
            ranges => ranges.partition_point(|&(first, _)| first <= word),
        };
        after > 0 && word <= self.ranges[after - 1].1 || self.is_in_a_set(word) || word == MIXED
    }
}

/// Conditions on the filter columns of an index, all of which a row has to pass.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Filter {
    conditions: Vec<(usize, Condition)>,
}

impl Filter {
    /// Adds a condition on a column, counted from 0.
    pub fn add(&mut self, column: usize, condition: Condition) {
        self.conditions.push((column, condition));
    }

    /// Whether there are no conditions.
    pub fn is_empty(&self) -> bool {
        self.conditions.is_empty()
    }

    /// Whether every row whose words pass, none of them [`MIXED`], passes.
    pub fn is_exact(&self) -> bool {
        self.conditions
            .iter()
            .all(|(_, condition)| condition.is_exact)
    }

    /// The numbers of those of `count` entries that may pass, in place of what is in `entries`. `words` are those of a column.
    pub fn select<'w>(
        &self,
        count: usize,
        words: impl Fn(usize) -> &'w [u64],
        entries: &mut Vec<u16>,
    ) {
        match self.conditions.split_first() {
            None => {
                entries.clear();
                entries.extend((0..).take(count));
            }
            Some(((column, first), others)) => {
                first.select(words(*column), entries);
                for (column, condition) in others {
                    condition.retain(words(*column), entries);
                }
            }
        }
    }

    /// Whether a row may pass of those that a zone of each column tells of.
    pub fn may_pass(&self, zone: impl Fn(usize) -> Zone) -> bool {
        self.conditions
            .iter()
            .all(|(column, condition)| condition.may_pass(zone(*column)))
    }

    /// Whether a row with these words may pass, one for each column.
    #[inline]
    pub fn passes(&self, words: &[u64]) -> bool {
        self.conditions
            .iter()
            .all(|(column, condition)| condition.passes(words[*column]))
    }
}

#[cfg(test)]
mod tests {
    use std::cmp::Ordering;

    use proptest::prelude::*;

    use super::*;

    fn holds(comparison: Comparison, ordering: Ordering) -> bool {
        match comparison {
            Comparison::Less => ordering.is_lt(),
            Comparison::LessOrEqual => ordering.is_le(),
            Comparison::Equal => ordering.is_eq(),
            Comparison::GreaterOrEqual => ordering.is_ge(),
            Comparison::Greater => ordering.is_gt(),
        }
    }

    /// What a condition says of a value agrees with the order of the values: never too few, and none too many where it is
    /// exact.
    fn agrees(value: Word, key: Word, ordering: Ordering, ordered: bool) {
        assert!(value.word <= LAST && key.word <= LAST);
        for comparison in Comparison::ALL {
            if !ordered && comparison != Comparison::Equal {
                continue;
            }
            let mut filter = Filter::default();
            filter.add(1, Condition::compared(comparison, key));
            let (passes, holds) = (filter.passes(&[0, value.word]), holds(comparison, ordering));
            assert!(passes || !holds, "{comparison:?} {value:?} {key:?}");
            assert!(
                !passes || holds || !filter.is_exact(),
                "{comparison:?} {value:?} {key:?}"
            );
            assert!(!filter.passes(&[0, NULL]) && filter.passes(&[0, MIXED]));
        }
    }

    fn of_floats(a: f64, b: f64) -> Ordering {
        let order = a.partial_cmp(&b);
        order.unwrap_or_else(|| a.is_nan().cmp(&b.is_nan()))
    }

    fn text() -> impl Strategy<Value = Vec<u8>> {
        prop::collection::vec(prop_oneof![1..4_u8, 250..=255_u8], 0..12)
    }

    proptest! {
        #[test]
        fn integers(a in near_the_ends(), b in near_the_ends()) {
            agrees(Word::integer(a), Word::integer(b), a.cmp(&b), true);
        }

        #[test]
        fn floats(a in any_float(), b in any_float()) {
            agrees(Word::float(a), Word::float(b), of_floats(a, b), true);
            let single = |x: f64| f64::from(x as f32);
            agrees(Word::rounded(single(a)), Word::rounded(single(b)), of_floats(a, b), true);
        }

        #[test]
        fn texts(a in text(), b in text()) {
            agrees(Word::beginning(&a), Word::beginning(&b), a.cmp(&b), true);
            // A hash by which all are equal.
            let word = |text: &[u8]| Word::short(text).unwrap_or(Word::hashed(u64::MAX));
            agrees(word(&a), word(&b), a.cmp(&b), false);
        }

        #[test]
        fn what_passes_may_pass_by_its_zone(values in prop::collection::vec(near_the_ends(), 1..6),
                                            keys in prop::collection::vec(near_the_ends(), 1..4),
                                            other in 0..3_usize) {
            let special = [NULL, MIXED, Word::integer(7).word];
            let words: Vec<u64> = values.iter().map(|&value| Word::integer(value).word).chain([special[other]]).collect();
            let zone = words.iter().fold(Zone::EMPTY, |zone, &word| zone.with(word));
            prop_assert!(words.iter().all(|&word| zone.covers(word)));
            let equal = keys.iter().map(|&key| Condition::compared(Comparison::Equal, Word::integer(key)));
            let mut conditions = vec![Condition::any(equal), Condition::null(), Condition::not_null()];
            conditions.extend(Comparison::ALL.map(|comparison| Condition::compared(comparison, Word::integer(keys[0]))));
            for condition in conditions {
                let mut filter = Filter::default();
                filter.add(0, condition);
                let passes = words.iter().any(|&word| filter.passes(&[word]));
                prop_assert!(!passes || filter.may_pass(|_| zone), "{:?} {:?}", filter, zone);
            }
        }

        #[test]
        fn any_of_several(values in prop::collection::vec(near_the_ends(), 0..8), value in near_the_ends()) {
            let one = |&key: &i64| Condition::compared(Comparison::Equal, Word::integer(key));
            let mut filter = Filter::default();
            filter.add(0, Condition::any(values.iter().map(one)));
            let passes = filter.passes(&[Word::integer(value).word]);
            prop_assert!(passes || !values.contains(&value));
            prop_assert!(!passes || values.contains(&value) || !filter.is_exact());
        }
    }

    fn near_the_ends() -> impl Strategy<Value = i64> {
        prop_oneof![
            i64::MIN..i64::MIN + 4,
            -3..3_i64,
            i64::MAX - 5..=i64::MAX,
            any::<i64>()
        ]
    }

    fn any_float() -> impl Strategy<Value = f64> {
        let special = [
            0.0,
            -0.0,
            f64::NAN,
            -f64::NAN,
            f64::INFINITY,
            f64::NEG_INFINITY,
            1.0,
            -1.0,
        ];
        prop_oneof![prop::sample::select(special.to_vec()), prop::num::f64::ANY]
    }

    #[test]
    fn a_set_is_looked_for_once() {
        let elements =
            (0..100_000_u64).map(|n| Signature::of(n.wrapping_mul(0x9e37_79b9_7f4a_7c15)));
        let condition = Condition::has_one(elements);
        assert!(condition.sets.len() <= 63 * 64 / 2);
        let twice = Condition::any([condition.clone(), condition.clone()]);
        assert_eq!(twice, condition);
    }

    #[test]
    fn a_zone_tells_what_cannot_pass() {
        let few = [3_i64, 5, 9].map(|value| Word::integer(value).word);
        let zone = few.iter().fold(Zone::EMPTY, |zone, &word| zone.with(word));
        let may = |condition: Condition| {
            let mut filter = Filter::default();
            filter.add(0, condition);
            filter.may_pass(|_| zone)
        };
        let compared = |comparison, value| Condition::compared(comparison, Word::integer(value));
        assert!(!may(compared(Comparison::Less, 3)) && may(compared(Comparison::Less, 4)));
        assert!(!may(compared(Comparison::Greater, 9)) && may(compared(Comparison::Greater, 8)));
        assert!(!may(Condition::null()) && may(Condition::not_null()));
        // Of 64 marks three are set, by whatever lies between.
        let between = (4..9).filter(|&value| may(compared(Comparison::Equal, value)));
        assert!(between.count() < 4);
        assert!(!may(Condition::any([])) && may(Condition::has(Signature::of(1))));
    }

    #[test]
    fn nothing_passes_no_condition_of_several_and_all_pass_none() {
        let none = Condition::any([]);
        assert!(!none.passes(0) && !none.passes(LAST) && !none.passes(NULL));
        assert!(Filter::default().passes(&[]) && Filter::default().is_exact());
    }

    #[test]
    fn null_is_apart() {
        assert!(Condition::null().passes(NULL) && !Condition::null().passes(LAST));
        assert!(!Condition::not_null().passes(NULL) && Condition::not_null().passes(LAST));
        let both = Condition::any([Condition::null(), Condition::not_null()]);
        assert_eq!(both.ranges, [(0, NULL)]);
        assert_eq!(
            (merge(3, 3), merge(3, NULL), merge(NULL, NULL)),
            (3, MIXED, NULL)
        );
    }

    fn signature(element: &u8) -> Signature {
        // Few hashes, so that elements share bits.
        Signature::of(u64::from(*element % 40) << 32 | u64::from(*element / 40))
    }

    fn set<'a>(elements: impl IntoIterator<Item = &'a u8>) -> Signature {
        elements.into_iter().map(signature).collect()
    }

    /// Whether a set passes.
    fn has_passed(condition: Condition, set: Signature) -> bool {
        let words = [Word::set(set).word];
        let mut filter = Filter::default();
        filter.add(0, condition);
        assert!(words[0] < NULL && !filter.is_exact());
        assert!(filter.passes(&[MIXED]) && !filter.passes(&[NULL]));
        let mut entries = Vec::new();
        filter.select(1, |_| &words, &mut entries);
        assert_eq!(!entries.is_empty(), filter.passes(&words));
        filter.passes(&words)
    }

    proptest! {
        #[test]
        fn sets_that_pass_are_not_missed(a in prop::collection::btree_set(any::<u8>(), 0..8),
                                         b in prop::collection::btree_set(any::<u8>(), 0..8)) {
            let both = set(a.union(&b));
            prop_assert!(has_passed(Condition::has(set(&a)), both));
            prop_assert!(has_passed(Condition::within(both), set(&a)));
            prop_assert!(has_passed(Condition::compared(Comparison::Equal, Word::set(set(&a))), set(&a)));
            let one = Condition::has_one(b.iter().map(signature));
            prop_assert!(has_passed(one, set(&a)) || a.is_disjoint(&b));
            prop_assert!(has_passed(Condition::has(set(&b)), set(&a)) || !a.is_superset(&b));
            prop_assert!(has_passed(Condition::within(set(&b)), set(&a)) || !a.is_subset(&b));
        }
    }

    #[test]
    fn the_empty_set_is_in_every_set_and_has_nothing() {
        let some = Signature::of(7);
        for set in [Signature::EMPTY, some, Signature::UNKNOWN] {
            assert!(has_passed(Condition::has(Signature::EMPTY), set));
            assert!(has_passed(Condition::within(Signature::UNKNOWN), set));
            assert!(!has_passed(Condition::has_one([]), set));
        }
        assert!(has_passed(
            Condition::within(Signature::EMPTY),
            Signature::EMPTY
        ));
        assert!(!has_passed(Condition::within(Signature::EMPTY), some));
        assert!(!has_passed(Condition::has_one([some]), Signature::EMPTY));
        assert!(has_passed(Condition::has_one([some]), Signature::UNKNOWN));
    }

    #[test]
    fn few_sets_pass_that_lack_an_element() {
        let mut random = crate::random::Random::new(1);
        let mut element = || Signature::of(random.below(usize::MAX) as u64);
        let asked = element();
        let mut five = || (0..5).map(|_| element()).collect();
        let passed = (0..2000).filter(|_| has_passed(Condition::has(asked), five()));
        assert!((1..100).contains(&passed.count()));
    }
}
