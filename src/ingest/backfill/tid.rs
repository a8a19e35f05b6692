//! The type `tid`, as pgrx has it.

use crate::sql;
use backfill::Tid;
use pgrx::{
    itemptr::{item_pointer_get_both, item_pointer_set_all},
    pg_sys::ItemPointerData,
    spi::SpiHeapTupleData,
};

/// As an argument of a statement.
pub fn item(tid: Tid) -> ItemPointerData {
    let mut item = ItemPointerData::default();
    item_pointer_set_all(&mut item, tid.block, tid.offset);
    item
}

/// As arguments of a statement.
pub fn items(tids: impl Iterator<Item = Tid>) -> Vec<ItemPointerData> {
    tids.map(item).collect()
}

/// The first column of a row of a statement's, which is not NULL.
pub fn read(row: &SpiHeapTupleData<'_>) -> sql::Result<Tid> {
    let item: Option<ItemPointerData> = row.get(1)?;
    Ok(item.map_or(Tid::START, of))
}

/// As the server has it.
pub fn of(item: ItemPointerData) -> Tid {
    let (block, offset) = item_pointer_get_both(item);
    Tid { block, offset }
}
