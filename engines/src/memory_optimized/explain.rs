//! What the settings of the memory-optimized engine come to.

use super::{BATCH_BYTES, CHUNK_BYTES, MemoryOptimized, WINDOW};
use crate::blocks::batch_items;
use crate::explain::{
    BY_ITSELF, Bytes, CALLER, Input, KEPT_BACK, NOTHING_AHEAD, RESPONSES, Settings, Work, limit,
    window,
};

impl MemoryOptimized {
    pub(super) fn explained(&self, work: &Work) -> Settings {
        let held = match work.input {
            Input::Iterator(..) if work.blocks => work.item_bytes,
            _ => 0,
        };
        let batch = batch_items(self.budget.buffer(BATCH_BYTES), work.result_bytes + held);
        let chunk = Bytes(self.budget.buffer(CHUNK_BYTES));
        let mut settings = Settings {
            blocks: false,
            threads: CALLER.into(),
            batches: format!("chunks of {chunk}"),
            read_ahead: NOTHING_AHEAD.into(),
            order: BY_ITSELF.into(),
            memory: limit(self.budget.limit(), "for buffers and results together"),
        };
        if self.watch.is_some() {
            settings.memory += "; batches are halved when memory is scarce";
        }
        match work.input {
            Input::Items { .. } => {
                (settings.blocks, settings.batches) = (true, work.batch(batch));
            }
            Input::Iterator(..) => {
                (settings.blocks, settings.batches) = (work.blocks, work.batch(batch));
            }
            Input::Text(_) | Input::File(_) | Input::Reader => {}
            Input::Files(_) => settings.batches = format!("a file at a time, a flush for {chunk}"),
            Input::Requests(_) => {
                settings.batches = RESPONSES.into();
                settings.read_ahead = window(WINDOW);
                settings.order = KEPT_BACK.into();
            }
        }
        settings
    }
}
