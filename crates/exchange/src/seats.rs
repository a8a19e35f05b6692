//! The seats: one request each, a text or an image, and later its answer.
//!
//! A seat goes from free to waiting when a client takes it, to running when the worker, the one process that answers, has
//! copied the payload, and to done, failed or lost. Only its client makes it free again, in whatever state it is, and then
//! it has another generation: an answer to the request before finds no taker.
//!
//! Invariants: a client waits for one answer per [`Place`] and reads no other's. A request that was taken is answered, by
//! [`Pool::finish`] or, where the worker ends, by [`Pool::abandon`]. What is in here is plain data that no process
//! allocated: a process may end anywhere.

/// Which way a request has gone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u32)]
enum Phase {
    /// Nobody's. Zero, as new memory is.
    #[default]
    Free,
    /// For the worker to take.
    Waiting,
    /// With the worker.
    Running,
    /// The payload is the embedding.
    Done,
    /// The payload is the error.
    Failed,
    /// The worker ended before.
    Lost,
}

/// One seat. Zeros are a free one if they are a request `R` and a client `C`.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub struct Seat<R, C> {
    phase: Phase,
    /// Counts the clients that have left the seat.
    generation: u64,
    /// Orders requests by their arrival.
    ticket: u64,
    /// When the request came.
    since: i64,
    /// Bytes of the payload that count.
    length: usize,
    /// By what the payload is to be embedded.
    request: R,
    client: C,
}

/// A seat as the client has it that took it, or the worker for that client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    seat: usize,
    generation: u64,
}

/// What comes out of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer<'a> {
    /// The embedding.
    Done(&'a [u8]),
    /// The error.
    Failed(&'a [u8]),
    /// None: the worker ended before.
    Lost,
}

/// Requests that the worker has taken to answer them together, in the order of their arrival.
#[derive(Debug)]
pub struct Batch<R> {
    /// By what all of them are to be embedded.
    pub request: R,
    /// Where their answers belong.
    pub places: Vec<Place>,
    /// The texts or pixels, one for each place.
    pub inputs: Vec<Vec<u8>>,
    /// For how long they have waited, summed up; in units of the clock.
    pub waited: u64,
}

/// All seats with their payloads, for as long as the caller keeps other processes out.
pub struct Pool<'a, R, C> {
    tickets: &'a mut u64,
    seats: &'a mut [Seat<R, C>],
    payloads: &'a mut [u8],
    payload_bytes: usize,
}

impl<'a, R: Copy + PartialEq, C: Copy> Pool<'a, R, C> {
    /// The pool of `seats`, of which each has its part of `payloads`; `tickets` counts the requests.
    pub fn new(tickets: &'a mut u64, seats: &'a mut [Seat<R, C>], payloads: &'a mut [u8]) -> Self {
        let payload_bytes = payloads.len() / seats.len().max(1);
        Self {
            tickets,
            seats,
            payloads,
            payload_bytes,
        }
    }

    /// Takes free seats, at most `most`, for the first of `inputs`; returns where they are, nothing where no seat is free.
    ///
    /// # Panics
    /// Where an input is longer than a payload.
    pub fn claim(
        &mut self,
        request: R,
        client: C,
        inputs: &[&[u8]],
        most: usize,
        now: i64,
    ) -> Vec<Place> {
        let free = |&seat: &usize| self.seats[seat].phase == Phase::Free;
        let free: Vec<usize> = (0..self.seats.len()).filter(free).take(most).collect();
        let claimed = free.into_iter().zip(inputs).map(|(seat, input)| {
            self.payload(seat)[..input.len()].copy_from_slice(input);
            let ticket = *self.tickets;
            *self.tickets += 1;
            let taken = &mut self.seats[seat];
            *taken = Seat {
                phase: Phase::Waiting,
                generation: taken.generation,
                ticket,
                since: now,
                length: input.len(),
                request,
                client,
            };
            let generation = taken.generation;
            Place { seat, generation }
        });
        claimed.collect()
    }

    /// Whether any of these places still waits for its answer.
    pub fn is_pending(&self, places: &[Place]) -> bool {
        let pending = |seat: &Seat<R, C>| matches!(seat.phase, Phase::Waiting | Phase::Running);
        let mut seats = places.iter().filter_map(|&place| self.seat(place));
        seats.any(pending)
    }

    /// The answer to the request in a place that is not pending.
    pub fn answer(&self, place: Place) -> Answer<'_> {
        let Some(seat) = self.seat(place) else {
            return Answer::Lost;
        };
        let contents = &self.payloads[place.seat * self.payload_bytes..][..seat.length];
        match seat.phase {
            Phase::Done => Answer::Done(contents),
            Phase::Failed => Answer::Failed(contents),
            _ => Answer::Lost,
        }
    }

    /// Makes the seats at these places free, wherever their requests are.
    pub fn leave(&mut self, places: &[Place]) {
        for place in places {
            if self.seat(*place).is_some() {
                self.seats[place.seat].leave();
            }
        }
    }

    /// Makes the seats of a client free that ends.
    pub fn leave_all(&mut self, is_client: impl Fn(&C) -> bool) {
        let taken = |seat: &&mut Seat<R, C>| seat.phase != Phase::Free && is_client(&seat.client);
        for seat in self.seats.iter_mut().filter(taken) {
            seat.leave();
        }
    }

    /// The oldest request that waits, and others for the same: at most `most` in all, which are running from now on.
    pub fn take(&mut self, most: usize, now: i64) -> Option<Batch<R>> {
        let waiting = |&seat: &usize| self.seats[seat].phase == Phase::Waiting;
        let mut order: Vec<usize> = (0..self.seats.len()).filter(waiting).collect();
        order.sort_unstable_by_key(|&seat| self.seats[seat].ticket);
        let request = self.seats[*order.first()?].request;
        order.retain(|&seat| self.seats[seat].request == request);
        order.truncate(most.max(1));
        let mut batch = Batch {
            request,
            places: Vec::with_capacity(order.len()),
            inputs: Vec::with_capacity(order.len()),
            waited: 0,
        };
        for seat in order {
            let taken = &mut self.seats[seat];
            taken.phase = Phase::Running;
            batch.waited += now.saturating_sub(taken.since).max(0).unsigned_abs();
            let (generation, length) = (taken.generation, taken.length);
            batch.places.push(Place { seat, generation });
            batch.inputs.push(self.payload(seat)[..length].to_vec());
        }
        Some(batch)
    }

    /// Puts an answer, cut where the payload ends, into a place if its client still waits there; returns whom to wake.
    pub fn finish(&mut self, place: Place, answer: Answer) -> Option<C> {
        self.seat(place)?;
        let (phase, contents) = match answer {
            Answer::Done(contents) => (Phase::Done, contents),
            Answer::Failed(contents) => (Phase::Failed, contents),
            Answer::Lost => (Phase::Lost, &[][..]),
        };
        let length = contents.len().min(self.payload_bytes);
        self.payload(place.seat)[..length].copy_from_slice(&contents[..length]);
        let seat = &mut self.seats[place.seat];
        (seat.phase, seat.length) = (phase, length);
        Some(seat.client)
    }

    /// To be called when the worker ends: what it has taken is lost; other requests wait for the next one. Has all clients
    /// look at how things are.
    pub fn abandon(&mut self, mut wake: impl FnMut(C)) {
        for seat in self.seats.iter_mut() {
            match seat.phase {
                Phase::Running => (seat.phase, seat.length) = (Phase::Lost, 0),
                Phase::Waiting => {}
                Phase::Free | Phase::Done | Phase::Failed | Phase::Lost => continue,
            }
            wake(seat.client);
        }
    }

    /// The seat at a place, unless its client has left it.
    fn seat(&self, place: Place) -> Option<&Seat<R, C>> {
        let seat = self.seats.get(place.seat)?;
        (seat.generation == place.generation && seat.phase != Phase::Free).then_some(seat)
    }

    fn payload(&mut self, seat: usize) -> &mut [u8] {
        &mut self.payloads[seat * self.payload_bytes..][..self.payload_bytes]
    }
}

impl<R, C> Seat<R, C> {
    fn leave(&mut self) {
        self.phase = Phase::Free;
        self.generation += 1;
    }
}
