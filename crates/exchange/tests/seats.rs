//! The seats, driven as clients and a worker drive them, in any order and with any of them ending in between.

use exchange::seats::{Answer, Batch, Place, Pool, Seat};
use proptest::{collection::vec, prelude::*};

/// Bytes of a payload.
const PAYLOAD: usize = 8;

/// What would lie in shared memory: requests for models that are numbers, by clients that are.
struct Memory {
    tickets: u64,
    seats: Vec<Seat<u8, u32>>,
    payloads: Vec<u8>,
}

impl Memory {
    fn new(seats: usize) -> Self {
        Self {
            tickets: 0,
            seats: vec![Seat::default(); seats],
            payloads: vec![0; seats * PAYLOAD],
        }
    }

    fn pool(&mut self) -> Pool<'_, u8, u32> {
        Pool::new(&mut self.tickets, &mut self.seats, &mut self.payloads)
    }

    fn claim(&mut self, model: u8, client: u32, inputs: &[&[u8]]) -> Vec<Place> {
        self.pool().claim(model, client, inputs, usize::MAX, 0)
    }

    fn take(&mut self) -> Option<Batch<u8>> {
        self.pool().take(usize::MAX, 0)
    }
}

#[test]
fn a_request_is_answered() {
    let mut memory = Memory::new(2);
    let places = memory.pool().claim(7, 1, &[b"text"], 9, 100);
    assert_eq!(places.len(), 1);
    assert!(memory.pool().is_pending(&places));
    let batch = memory.pool().take(9, 130).unwrap();
    assert_eq!((batch.request, batch.waited), (7, 30));
    assert_eq!(batch.inputs, [b"text"]);
    assert!(memory.pool().is_pending(&places));
    assert!(memory.take().is_none());
    let answer = Answer::Done(b"vector");
    assert_eq!(memory.pool().finish(batch.places[0], answer), Some(1));
    assert!(!memory.pool().is_pending(&places));
    assert_eq!(memory.pool().answer(places[0]), answer);
    memory.pool().leave(&places);
    assert_eq!(memory.claim(7, 1, &[b"a", b"b", b"c"]).len(), 2);
}

#[test]
fn an_error_is_cut_where_the_payload_ends() {
    let mut memory = Memory::new(1);
    let places = memory.claim(0, 1, &[b""]);
    let batch = memory.take().unwrap();
    let error = Answer::Failed(b"too long for it");
    memory.pool().finish(batch.places[0], error);
    assert_eq!(memory.pool().answer(places[0]), Answer::Failed(b"too long"));
}

#[test]
fn a_full_pool_gives_nothing() {
    let mut memory = Memory::new(3);
    let first = memory.pool().claim(0, 1, &[&b"a"[..]; 9], 2, 0);
    assert_eq!(first.len(), 2);
    assert_eq!(memory.claim(0, 2, &[&b"b"[..]; 9]).len(), 1);
    assert!(memory.claim(0, 3, &[b"c"]).is_empty());
    memory.pool().leave(&first[..1]);
    assert_eq!(memory.claim(0, 3, &[b"c"]).len(), 1);
    assert!(Memory::new(0).claim(0, 1, &[b"a"]).is_empty());
    assert!(Memory::new(0).take().is_none());
}

#[test]
fn a_batch_is_for_one_model_oldest_first() {
    let mut memory = Memory::new(5);
    memory.claim(1, 1, &[b"1"]);
    memory.claim(2, 2, &[b"2"]);
    let left = memory.claim(1, 3, &[b"3"]);
    memory.claim(1, 4, &[b"4"]);
    // A request that comes later, in a seat before.
    memory.pool().leave(&left);
    memory.claim(1, 5, &[b"5"]);
    memory.claim(1, 6, &[b"6"]);
    let batch = memory.pool().take(3, 0).unwrap();
    assert_eq!(
        (batch.request, batch.inputs),
        (1, vec![b"1".to_vec(), b"4".to_vec(), b"5".to_vec()])
    );
    let batch = memory.take().unwrap();
    assert_eq!((batch.request, batch.inputs), (2, vec![b"2".to_vec()]));
    let batch = memory.take().unwrap();
    assert_eq!((batch.request, batch.inputs), (1, vec![b"6".to_vec()]));
}

#[test]
fn an_answer_to_who_has_left_finds_no_taker() {
    let mut memory = Memory::new(1);
    let first = memory.claim(0, 1, &[b"first"]);
    let batch = memory.take().unwrap();
    memory.pool().leave(&first);
    assert_eq!(memory.pool().finish(batch.places[0], Answer::Lost), None);
    let second = memory.claim(0, 2, &[b"second"]);
    assert_eq!(
        memory.pool().finish(batch.places[0], Answer::Done(b"1")),
        None
    );
    assert!(memory.pool().is_pending(&second));
    // Nor does the first client take the second one's seat away.
    memory.pool().leave(&first);
    assert!(memory.pool().is_pending(&second));
    assert_eq!(memory.pool().answer(first[0]), Answer::Lost);
    assert_eq!(memory.take().unwrap().inputs, [b"second"]);
}

#[test]
fn a_worker_that_ends_loses_what_it_has_taken_only() {
    let mut memory = Memory::new(4);
    let done = memory.claim(0, 1, &[b"done"]);
    let batch = memory.take().unwrap();
    memory.pool().finish(batch.places[0], Answer::Done(b"1"));
    let running = memory.claim(0, 2, &[b"running"]);
    memory.take();
    let waiting = memory.claim(0, 3, &[b"waiting"]);
    let mut woken = Vec::new();
    memory.pool().abandon(|client| woken.push(client));
    assert_eq!(woken, [2, 3]);
    assert_eq!(memory.pool().answer(running[0]), Answer::Lost);
    assert_eq!(memory.pool().answer(done[0]), Answer::Done(b"1"));
    assert!(memory.pool().is_pending(&waiting));
    assert_eq!(memory.take().unwrap().inputs, [b"waiting"]);
}

#[derive(Clone, Debug)]
enum Step {
    /// A client asks a model.
    Claim {
        client: u32,
        model: u8,
        count: usize,
    },
    /// The worker takes requests.
    Take { most: usize },
    /// The worker answers one of those it has.
    Finish { which: usize, failed: bool },
    /// A client goes, with its answers or without.
    Leave { client: u32 },
    /// A client ends without a word.
    End { client: u32 },
    /// The worker ends.
    Crash,
}

fn step() -> impl Strategy<Value = Step> {
    let client = 0..5_u32;
    prop_oneof![
        4 => (client.clone(), 0..3_u8, 1..5_usize)
            .prop_map(|(client, model, count)| Step::Claim { client, model, count }),
        4 => (1..4_usize).prop_map(|most| Step::Take { most }),
        6 => (any::<usize>(), any::<bool>()).prop_map(|(which, failed)| Step::Finish { which, failed }),
        3 => client.clone().prop_map(|client| Step::Leave { client }),
        1 => client.prop_map(|client| Step::End { client }),
        1 => Just(Step::Crash),
    ]
}

/// What a client knows of one of its requests.
struct Asked {
    client: u32,
    model: u8,
    place: Place,
    input: [u8; 4],
    /// What the worker has said.
    answer: Option<Said>,
    /// Whether the worker has it.
    running: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Said {
    Done,
    Failed,
    Lost,
}

proptest! {
    #[test]
    fn everybody_gets_what_is_his(seats in 1..6_usize, steps in vec(step(), 0..120)) {
        let mut memory = Memory::new(seats);
        let (mut asked, mut held, mut counter) = (Vec::<Asked>::new(), Vec::<(Place, Vec<u8>)>::new(), 0_u32);
        for step in steps {
            match step {
                Step::Claim { client, model, count } => {
                    let inputs: Vec<[u8; 4]> = (counter..).take(count).map(u32::to_le_bytes).collect();
                    counter += count as u32;
                    let slices: Vec<&[u8]> = inputs.iter().map(<[u8; 4]>::as_slice).collect();
                    let places = memory.claim(model, client, &slices);
                    prop_assert_eq!(places.len(), count.min(seats - asked.len()));
                    asked.extend(places.into_iter().zip(inputs).map(|(place, input)| Asked {
                        client, model, place, input, answer: None, running: false,
                    }));
                }
                Step::Take { most } => {
                    let waits = |one: &&mut Asked| one.answer.is_none() && !one.running;
                    let mut waiting: Vec<&mut Asked> = asked.iter_mut().filter(waits).collect();
                    waiting.sort_by_key(|one| u32::from_le_bytes(one.input));
                    let Some(batch) = memory.pool().take(most, 0) else {
                        prop_assert!(waiting.is_empty());
                        continue;
                    };
                    prop_assert_eq!(batch.request, waiting[0].model);
                    let same = waiting.into_iter().filter(|one| one.model == batch.request);
                    let mut expected = Vec::new();
                    for one in same.take(most) {
                        one.running = true;
                        expected.push(one.input.to_vec());
                    }
                    prop_assert_eq!(&batch.inputs, &expected);
                    held.extend(batch.places.into_iter().zip(batch.inputs));
                }
                Step::Finish { which, failed } if !held.is_empty() => {
                    let (place, input) = held.swap_remove(which % held.len());
                    let answer = if failed { Answer::Failed(&input) } else { Answer::Done(&input) };
                    let woken = memory.pool().finish(place, answer);
                    let own = asked.iter_mut().find(|one| one.input[..] == input);
                    prop_assert_eq!(woken, own.as_ref().map(|one| one.client));
                    if let Some(own) = own {
                        own.answer = Some(if failed { Said::Failed } else { Said::Done });
                    }
                }
                Step::Finish { .. } => {}
                Step::Leave { client } => {
                    let places: Vec<Place> =
                        asked.iter().filter(|one| one.client == client).map(|one| one.place).collect();
                    memory.pool().leave(&places);
                    asked.retain(|one| one.client != client);
                }
                Step::End { client } => {
                    memory.pool().leave_all(|&known| known == client);
                    asked.retain(|one| one.client != client);
                }
                Step::Crash => {
                    held.clear();
                    let mut woken = Vec::new();
                    memory.pool().abandon(|client| woken.push(client));
                    let mut expected: Vec<u32> = Vec::new();
                    for one in asked.iter_mut().filter(|one| one.answer.is_none()) {
                        expected.push(one.client);
                        if one.running {
                            one.answer = Some(Said::Lost);
                        }
                    }
                    woken.sort_unstable();
                    expected.sort_unstable();
                    prop_assert_eq!(woken, expected);
                }
            }
            for one in &asked {
                let pool = memory.pool();
                prop_assert_eq!(pool.is_pending(&[one.place]), one.answer.is_none());
                let Some(said) = one.answer else { continue };
                let expected = match said {
                    Said::Done => Answer::Done(&one.input),
                    Said::Failed => Answer::Failed(&one.input),
                    Said::Lost => Answer::Lost,
                };
                prop_assert_eq!(pool.answer(one.place), expected);
            }
        }
    }
}
