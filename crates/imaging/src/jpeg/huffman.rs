//! Huffman codes and bits of JPEG scans (ITU-T T.81, annex F.2.2).

/// Codes of at most so many bits are looked up at once.
const FAST: u32 = 9;

/// A table of codes.
#[derive(Clone)]
pub(super) struct Table {
    /// By the first bits: length of the code, and its value; length 0 for longer ones.
    fast: Vec<(u8, u8)>,
    /// By length from 1: the first code that is too large, at 16 bits, and what is added to a code for its value's place.
    limits: [(u32, i32); 16],
    values: Vec<u8>,
}

impl Table {
    /// By the numbers of codes of each length, and their values; None where there are more than can be.
    pub(super) fn new(counts: &[u8; 16], values: &[u8]) -> Option<Self> {
        let mut fast = vec![(0, 0); 1 << FAST];
        let mut limits = [(0, 0); 16];
        let (mut code, mut at) = (0u32, 0usize);
        for (length, (&count, limit)) in (1..).zip(counts.iter().zip(&mut limits)) {
            let offset = at as i32 - code as i32;
            for _ in 0..count {
                let value = *values.get(at)?;
                if length <= FAST {
                    let first = (code << (FAST - length)) as usize;
                    let same = fast.get_mut(first..first + (1 << (FAST - length)))?;
                    same.fill((length as u8, value));
                }
                at += 1;
                code += 1;
            }
            if code > 1 << length {
                return None;
            }
            *limit = (code << (16 - length), offset);
            code <<= 1;
        }
        Some(Self {
            fast,
            limits,
            values: values.to_vec(),
        })
    }
}

/// The tables that are in force, by their numbers: those of differences, and those of the other coefficients of a block.
#[derive(Default)]
pub(super) struct Tables {
    pub(super) differences: [Option<Table>; 4],
    pub(super) others: [Option<Table>; 4],
}

impl Tables {
    /// Reads the tables of a DHT segment; None where it contradicts itself.
    pub(super) fn define(&mut self, mut segment: &[u8]) -> Option<()> {
        while let Some((&place, rest)) = segment.split_first() {
            let (counts, rest) = rest.split_first_chunk::<16>()?;
            let length = counts.iter().map(|&count| usize::from(count)).sum();
            let (values, rest) = rest.split_at_checked(length)?;
            let tables = match place >> 4 {
                0 => &mut self.differences,
                _ => &mut self.others,
            };
            if let Some(table) = tables.get_mut(usize::from(place & 15)) {
                *table = Some(Table::new(counts, values)?);
            }
            segment = rest;
        }
        Some(())
    }
}

/// The bits of a scan up to its next marker.
pub(super) struct Bits<'a> {
    rest: &'a [u8],
    /// Bits that were read ahead, the next one highest of `held`.
    word: u64,
    held: u32,
    /// Bits that were made up because the data had ended.
    missing: u32,
}

impl<'a> Bits<'a> {
    pub(super) fn new(rest: &'a [u8]) -> Self {
        Self {
            rest,
            word: 0,
            held: 0,
            missing: 0,
        }
    }

    /// Whether bits were used that are not there.
    pub(super) fn ended(&self) -> bool {
        self.missing > self.held
    }

    fn fill(&mut self) {
        while self.held <= 48 {
            let byte = match *self.rest {
                [0xff, 0, ref rest @ ..] => {
                    self.rest = rest;
                    0xff
                }
                // A marker stays where it is.
                [] | [0xff, ..] => {
                    self.missing = self.missing.saturating_add(8);
                    0
                }
                [byte, ref rest @ ..] => {
                    self.rest = rest;
                    byte
                }
            };
            self.word = self.word << 8 | u64::from(byte);
            self.held += 8;
        }
    }

    fn peek(&self, count: u32) -> u32 {
        (self.word >> (self.held - count)) as u32 & ((1 << count) - 1)
    }

    /// The next value of `table`; None for a code that it has not.
    pub(super) fn value(&mut self, table: &Table) -> Option<u8> {
        if self.held < 16 {
            self.fill();
        }
        let (length, value) = *table.fast.get(self.peek(FAST) as usize)?;
        if length > 0 {
            self.held -= u32::from(length);
            return Some(value);
        }
        let code = self.peek(16);
        let (length, (_, offset)) = (1..).zip(&table.limits).find(|(_, limit)| code < limit.0)?;
        self.held -= length;
        let place = (code >> (16 - length)) as i32 + offset;
        table.values.get(usize::try_from(place).ok()?).copied()
    }

    /// A number of `count` bits, at most 16.
    pub(super) fn unsigned(&mut self, count: u32) -> i32 {
        if self.held < count {
            self.fill();
        }
        let value = self.peek(count) as i32;
        self.held -= count;
        value
    }

    /// A number of `count` bits, at most 16, whose first bit tells its sign (table F.1).
    pub(super) fn signed(&mut self, count: u32) -> i32 {
        if count == 0 {
            return 0;
        }
        let value = self.unsigned(count);
        match value >> (count - 1) {
            0 => value - (1 << count) + 1,
            _ => value,
        }
    }

    /// Goes on behind the next restart marker; None where there is another one, or none.
    pub(super) fn restart(&mut self) -> Option<()> {
        (self.word, self.held, self.missing) = (0, 0, 0);
        let at = self.rest.iter().position(|&byte| byte == 0xff)?;
        let mut rest = self.rest.get(at + 1..)?;
        while let [0xff, after @ ..] = rest {
            rest = after;
        }
        match *rest {
            [0xd0..=0xd7, ref after @ ..] => {
                self.rest = after;
                Some(())
            }
            _ => None,
        }
    }
}
