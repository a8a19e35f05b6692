//! Rows as the server and the graph number them.

use graph::layout::Tid;
use pgrx::pg_sys;

/// The row that the server calls `tid`.
///
/// # Safety
/// `tid` points to a valid one.
pub unsafe fn tid(tid: pg_sys::ItemPointer) -> Tid {
    // SAFETY: the caller vouches for the pointer; what it points to is copied.
    let pg_sys::ItemPointerData { ip_blkid, ip_posid } = unsafe { *tid };
    Tid::new(
        u32::from(ip_blkid.bi_hi) << 16 | u32::from(ip_blkid.bi_lo),
        ip_posid,
    )
}

/// What the server calls a row.
pub fn item_pointer(tid: Tid) -> pg_sys::ItemPointerData {
    pg_sys::ItemPointerData {
        ip_blkid: pg_sys::BlockIdData {
            bi_hi: (tid.block() >> 16) as u16,
            bi_lo: tid.block() as u16,
        },
        ip_posid: tid.offset(),
    }
}
