//! Groups of vectors whose near pairs are found by comparing all of them.

use std::collections::BTreeSet;

use duplicates::{Error, Member, Neighbours};
use half::f16;
use proptest::prelude::*;

fn halves(values: &[f32]) -> Vec<f16> {
    values.iter().map(|&value| f16::from_f32(value)).collect()
}

/// A point of the unit circle.
fn at(degrees: f32) -> Vec<f16> {
    halves(&[degrees.to_radians().cos(), degrees.to_radians().sin()])
}

/// The cosine distance of two vectors that are `degrees` apart.
fn apart(degrees: f64) -> f64 {
    1.0 - degrees.to_radians().cos()
}

/// The groups of `vectors`, each with its rows, of which those within `near` of each other are pairs.
fn group(vectors: &[(Vec<f16>, u64)], near: f64, diameter: f64) -> Vec<Vec<Member>> {
    let mut neighbours = Neighbours::default();
    for (vector, rows) in vectors {
        neighbours.add(vector, *rows).unwrap();
    }
    for (a, (one, _)) in (0..).zip(vectors) {
        for (b, (other, _)) in (0..).zip(vectors) {
            if kernels::cosine_distance(one, other) <= near {
                neighbours.pair(a, b);
            }
        }
    }
    neighbours.groups(diameter, &mut || ())
}

fn once(vectors: impl IntoIterator<Item = Vec<f16>>) -> Vec<(Vec<f16>, u64)> {
    vectors.into_iter().map(|vector| (vector, 1)).collect()
}

fn numbers(groups: &[Vec<Member>]) -> Vec<Vec<u32>> {
    let numbers = |group: &Vec<Member>| group.iter().map(|member| member.vector).collect();
    groups.iter().map(numbers).collect()
}

/// What [`group`] does, with nothing kept: tries every pair in turn, and compares all members.
fn reference(vectors: &[Vec<f16>], near: f64, diameter: f64) -> BTreeSet<BTreeSet<usize>> {
    let distance = |a: usize, b: usize| kernels::cosine_distance(&vectors[a], &vectors[b]);
    let key = |a: usize| {
        vectors[a]
            .iter()
            .map(|half| half.to_bits())
            .collect::<Vec<_>>()
    };
    let mut pairs: Vec<(usize, usize)> = (0..vectors.len())
        .flat_map(|a| (0..vectors.len()).map(move |b| (a, b)))
        .filter(|&(a, b)| key(a) < key(b) && distance(a, b) <= near)
        .collect();
    pairs.sort_by(|&(a, b), &(c, d)| {
        let distances = (distance(a, b) as f32).total_cmp(&(distance(c, d) as f32));
        distances.then_with(|| (key(a), key(b)).cmp(&(key(c), key(d))))
    });
    let mut groups: Vec<BTreeSet<usize>> = (0..vectors.len()).map(|a| [a].into()).collect();
    for (a, b) in pairs {
        let of = |member| {
            groups
                .iter()
                .position(|group| group.contains(&member))
                .unwrap()
        };
        let (one, other) = (of(a), of(b));
        let all = || {
            groups[one]
                .iter()
                .flat_map(|&a| groups[other].iter().map(move |&b| (a, b)))
        };
        if one != other && all().all(|(a, b)| distance(a, b) <= diameter) {
            let joined = groups[one].union(&groups[other]).copied().collect();
            groups[one] = joined;
            groups.remove(other);
        }
    }
    groups.into_iter().filter(|group| group.len() > 1).collect()
}

#[test]
fn a_component_within_the_diameter_is_one_group() {
    let vectors = once([at(0.0), at(4.0), at(7.0), at(40.0), at(80.0), at(83.0)]);
    let groups = group(&vectors, apart(5.0), apart(9.0));
    assert_eq!(groups.iter().map(Vec::len).collect::<Vec<_>>(), [3, 2]);
    assert_eq!(numbers(&groups)[0], [1, 2, 0]);
    assert_eq!(groups[0][0].distance, 0.0);
    assert!((groups[0][2].distance - apart(4.0)).abs() < 1e-3);
}

#[test]
fn a_chain_is_cut_where_its_links_are_longest() {
    // 0 1 2 . 5 6 7, with links of one degree and of three.
    let vectors = once([0.0, 1.0, 2.0, 5.0, 6.0, 7.0].map(at));
    let groups = group(&vectors, apart(3.5), apart(4.0));
    let sets: BTreeSet<BTreeSet<u32>> = numbers(&groups)
        .into_iter()
        .map(BTreeSet::from_iter)
        .collect();
    assert_eq!(sets, BTreeSet::from([[0, 1, 2].into(), [3, 4, 5].into()]));
    // A long chain of equal links falls into parts no wider than the diameter.
    let chain = once((0..80).map(|n| at(n as f32)));
    for group in group(&chain, apart(1.5), apart(10.5)) {
        let of =
            |f: fn(u32, u32) -> u32| group.iter().map(|member| member.vector).reduce(f).unwrap();
        assert!(of(u32::max) - of(u32::min) <= 10);
    }
}

#[test]
fn rows_of_one_vector_are_a_group_and_weigh() {
    let alone = group(&[(at(0.0), 3), (at(90.0), 1)], 0.01, 0.02);
    assert_eq!(numbers(&alone), [[0]]);
    // The middle is where the rows are; more rows come first.
    let groups = group(
        &[(at(0.0), 1), (at(2.0), 1), (at(4.0), 9), (at(80.0), 20)],
        apart(3.0),
        apart(5.0),
    );
    assert_eq!(numbers(&groups), [vec![3], vec![2, 1, 0]]);
}

#[test]
fn scaled_vectors_are_as_near_as_can_be() {
    let vectors = once([halves(&[3.0, 4.0]), halves(&[6.0, 8.0])]);
    let groups = group(&vectors, 0.0, 0.0);
    assert_eq!(groups.len(), 1);
    assert!(groups[0].iter().all(|member| member.distance == 0.0));
}

#[test]
fn what_cannot_be_compared_is_refused() {
    let mut neighbours = Neighbours::default();
    assert_eq!(
        neighbours.add(&halves(&[0.0, 0.0]), 1),
        Err(Error::NoDirection)
    );
    assert_eq!(neighbours.add(&halves(&[1.0, 0.0]), 1), Ok(0));
    let other = neighbours.add(&halves(&[1.0, 0.0, 0.0]), 1);
    assert_eq!(
        other,
        Err(Error::Dimensions {
            expected: 2,
            found: 3
        })
    );
    assert!(neighbours.groups(0.1, &mut || ()).is_empty());
    assert!(Neighbours::default().groups(0.1, &mut || ()).is_empty());
}

#[test]
fn thousands_of_near_vectors_are_one_group_in_no_time() {
    let mut neighbours = Neighbours::default();
    for n in 0..20_000_u32 {
        let vector = halves(&[1.0, (n % 200) as f32 / 4000.0, (n / 200) as f32 / 4000.0]);
        neighbours.add(&vector, 1).unwrap();
        for back in (1..30).filter(|&back| back <= n) {
            neighbours.pair(n, n - back);
        }
        if n >= 200 {
            neighbours.pair(n, n - 200);
        }
    }
    let groups = neighbours.groups(0.02, &mut || ());
    assert_eq!(groups.iter().map(Vec::len).collect::<Vec<_>>(), [20_000]);
}

/// Different vectors near a few centers, so that there are groups of all kinds.
fn vectors() -> impl Strategy<Value = Vec<Vec<f16>>> {
    let vector = (0..4_usize, prop::array::uniform4(-20..20_i32)).prop_map(|(center, offset)| {
        let mut values = offset.map(|offset| offset as f32 / 60.0);
        values[center] += 1.0;
        halves(&values)
    });
    prop::collection::vec(vector, 2..40).prop_map(|mut vectors| {
        let key = |vector: &Vec<f16>| vector.iter().map(|half| half.to_bits()).collect::<Vec<_>>();
        vectors.sort_by_key(key);
        vectors.dedup();
        vectors
    })
}

proptest! {
    #[test]
    fn groups_are_those_of_the_reference(vectors in vectors(), near in 0.0..0.1_f64, wider in 1.0..4.0_f64) {
        let expected = reference(&vectors, near, near * wider);
        let groups = group(&once(vectors), near, near * wider);
        let found = numbers(&groups).into_iter().map(|group| group.into_iter().map(|n| n as usize).collect());
        prop_assert_eq!(found.collect::<BTreeSet<BTreeSet<usize>>>(), expected);
    }

    #[test]
    fn no_group_is_wider_than_the_diameter(vectors in vectors(), near in 0.0..0.1_f64, wider in 1.0..3.0_f64) {
        let mut seen = BTreeSet::new();
        for group in group(&once(vectors.clone()), near, near * wider) {
            for one in &group {
                prop_assert!(seen.insert(one.vector));
                for other in &group {
                    let pair = [one, other].map(|member| &vectors[member.vector as usize]);
                    prop_assert!(kernels::cosine_distance(pair[0], pair[1]) <= near * wider);
                }
            }
        }
    }

    #[test]
    fn order_does_not_matter(
        (vectors, shuffled) in vectors().prop_flat_map(|vectors| (Just(vectors.clone()), Just(vectors).prop_shuffle())),
        near in 0.0..0.1_f64,
        wider in 1.0..3.0_f64,
    ) {
        let contents = |vectors: &[Vec<f16>]| -> Vec<Vec<(Vec<u16>, f64)>> {
            let content = |member: &Member| {
                let vector = &vectors[member.vector as usize];
                (vector.iter().map(|half| half.to_bits()).collect(), member.distance)
            };
            let groups = group(&once(vectors.iter().cloned()), near, near * wider);
            groups.iter().map(|group| group.iter().map(content).collect()).collect()
        };
        prop_assert_eq!(contents(&vectors), contents(&shuffled));
    }
}
