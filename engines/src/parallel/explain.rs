//! What the settings of the parallel engine come to.

use super::{LEAST_CHUNK, Parallel, iterator, pace};
use crate::explain::{
    BY_ITSELF, Bytes, CALLER, Count, Input, NOTHING_AHEAD, Settings, Work, limit, parts, window,
};
use crate::sink::SPAN;

impl Parallel {
    pub(super) fn explained(&self, work: &Work) -> Settings {
        let mut settings = Settings {
            blocks: false,
            threads: CALLER.into(),
            batches: String::new(),
            read_ahead: NOTHING_AHEAD.into(),
            order: BY_ITSELF.into(),
            memory: limit(self.worker_memory, "for each worker"),
        };
        let several = |settings: &mut Settings, woken: String| {
            if self.workers > 1 {
                settings.threads = format!("{}, the caller's among them{woken}", self.workers);
                settings.order = parts(self.workers.saturating_mul(self.capacity));
            }
        };
        let later = match self.worth_waking.is_zero() {
            true => String::new(),
            false => format!(
                "; the others are woken once they are expected to save {:?}",
                self.worth_waking
            ),
        };
        let paced = |most| {
            let piece = pace::PIECE;
            format!(
                "as many items as take {piece:?}, {} at most",
                Count(most, "item")
            )
        };
        match work.input {
            Input::Items { .. } => {
                several(&mut settings, later);
                (settings.blocks, settings.batches) = (true, paced(SPAN));
            }
            Input::Iterator(..) => {
                several(&mut settings, later);
                let most = match self.workers {
                    1 => iterator::BATCH_ALONE,
                    _ => iterator::BATCH,
                };
                (settings.blocks, settings.batches) = (work.blocks, paced(most));
            }
            Input::Text(length) => {
                several(&mut settings, later);
                settings.batches = self.chunks(length as u64);
            }
            Input::File(length) => {
                several(&mut settings, later);
                settings.batches = self.chunks(length.unwrap_or(u64::MAX));
            }
            Input::Reader => {
                several(&mut settings, later);
                settings.batches = format!("chunks of {}", Bytes(self.chunk_bytes));
            }
            Input::Files(files) => {
                if files > 1 {
                    several(&mut settings, String::new());
                }
                settings.batches = "a file at a time".into();
            }
            Input::Requests(keys) => {
                if keys > 1 {
                    several(&mut settings, String::new());
                }
                settings.batches = "one response at a time".into();
                settings.read_ahead = window(self.in_flight) + " of each worker";
            }
        }
        settings
    }

    /// The chunks of a text, in words.
    fn chunks(&self, length: u64) -> String {
        let chunk = self.chunk(length);
        let least = chunk.min(LEAST_CHUNK);
        match chunk == least {
            true => format!("chunks of {}", Bytes(chunk)),
            false => format!(
                "chunks of {}, at the beginning and towards the end down to {}",
                Bytes(chunk),
                Bytes(least)
            ),
        }
    }
}
