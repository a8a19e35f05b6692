//! Whose fault an error is: the one place that decides.

/// An SQLSTATE as the server codes it: five characters of six bits each, the first in the lowest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SqlState(pub i32);

impl SqlState {
    /// By its five characters.
    pub const fn of(characters: &[u8; 5]) -> Self {
        let (mut code, mut n) = (0, 0);
        while n < 5 {
            code |= ((characters[n].wrapping_sub(b'0') & 0x3f) as i32) << (6 * n);
            n += 1;
        }
        Self(code)
    }

    /// Of the whole class: the first two characters, and zeros.
    const fn class(self) -> Self {
        Self(self.0 & 0xfff)
    }
}

const LOCK_NOT_AVAILABLE: SqlState = SqlState::of(b"55P03");
const QUERY_CANCELED: SqlState = SqlState::of(b"57014");
const INSUFFICIENT_PRIVILEGE: SqlState = SqlState::of(b"42501");

/// Raised by what is done with a row, be it by the server, by a constraint or a trigger of its table, or by a model.
const OF_ROW: [SqlState; 9] = [
    // Triggered action exception.
    SqlState::of(b"09000"),
    // Feature not supported: a format of images, say.
    SqlState::of(b"0A000"),
    // Data exception.
    SqlState::of(b"22000"),
    // Integrity constraint violation.
    SqlState::of(b"23000"),
    // External routine exception: a model fails, which shows with other rows.
    SqlState::of(b"38000"),
    // WITH CHECK OPTION violation.
    SqlState::of(b"44000"),
    // Program limit exceeded.
    SqlState::of(b"54000"),
    // Errors that triggers in PL/pgSQL raise.
    SqlState::of(b"P0000"),
    // Out of memory, which a large image takes. Not the whole class: a full disk is nobody's.
    SqlState::of(b"53200"),
];

/// Where an error was raised.
#[derive(Clone, Copy, Debug, Default)]
pub struct Circumstances {
    /// Whether the process limits how long a table's code may run, and is canceled by nobody else.
    pub is_limited: bool,
    /// Whether policies bind the table's owner, as whom rows are written: what they refuse has the SQLSTATE of missing
    /// rights, which owners have.
    pub has_policies: bool,
}

/// Whose fault an error is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A row's, or that of a constraint or a trigger that refuses it: others go on without it.
    Row,
    /// Of whoever has the table locked, or of its owner's code that takes its time: it is passed over for a while.
    Delay,
    /// The table's, the model's or the server's: where other tables wait, they have their turn.
    Table,
    /// The user's, who wants it to end.
    User,
}

impl Fault {
    /// Whose an error with an SQLSTATE is.
    pub fn of(state: SqlState, circumstances: Circumstances) -> Self {
        match state {
            LOCK_NOT_AVAILABLE => Self::Delay,
            QUERY_CANCELED if circumstances.is_limited => Self::Delay,
            QUERY_CANCELED => Self::User,
            INSUFFICIENT_PRIVILEGE if circumstances.has_policies => Self::Row,
            _ if OF_ROW.contains(&state) || OF_ROW.contains(&state.class()) => Self::Row,
            _ => Self::Table,
        }
    }
}
