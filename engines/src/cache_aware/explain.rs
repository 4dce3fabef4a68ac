//! What the settings of the cache-aware engine come to.

use super::CacheAware;
use crate::blocks::batch_items;
use crate::explain::{
    BY_ITSELF, Bytes, CALLER, Input, KEPT_BACK, NOTHING_AHEAD, RESPONSES, Settings, Work, window,
};

impl CacheAware {
    pub(super) fn explained(&self, work: &Work) -> Settings {
        let each = work.item_bytes + work.result_bytes;
        let items = work.batch(batch_items(self.item_block(), each));
        let text = Bytes(self.text_block());
        let mut settings = Settings {
            blocks: false,
            threads: CALLER.into(),
            batches: format!("chunks of {text}"),
            read_ahead: NOTHING_AHEAD.into(),
            order: BY_ITSELF.into(),
            memory: "no limit".into(),
        };
        match work.input {
            Input::Items { .. } => (settings.blocks, settings.batches) = (true, items),
            Input::Iterator(..) => (settings.blocks, settings.batches) = (work.blocks, items),
            Input::Text(_) | Input::File(_) | Input::Reader => {}
            Input::Files(_) => {
                settings.batches = format!("up to 1,024 files, read end to end into {text}");
            }
            Input::Requests(_) => {
                settings.batches = RESPONSES.into();
                settings.read_ahead = window(self.window());
                settings.order = KEPT_BACK.into();
            }
        }
        settings
    }
}
