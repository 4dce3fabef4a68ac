//! What the settings of the streaming engine come to.

use super::{Reader, Streaming};
use crate::explain::{
    BY_ITSELF, Bytes, CALLER, Count, Input, KEPT_BACK, NOTHING_AHEAD, RESPONSES, Settings, Work,
    limit, parts, window,
};
use crate::in_turn;
use crate::memory::PARTS;
use crate::read_ahead;
use crate::workers::Crew;

impl Streaming {
    pub(super) fn explained(&self, work: &Work) -> Settings {
        let chunk = self.chunk();
        let mut settings = Settings {
            blocks: false,
            threads: CALLER.into(),
            batches: format!("chunks of {}", Bytes(chunk)),
            read_ahead: NOTHING_AHEAD.into(),
            order: BY_ITSELF.into(),
            memory: limit(self.memory, "for any one buffer, and for the results"),
        };
        let several = |settings: &mut Settings, threads: usize| {
            if threads > 1 {
                settings.threads = threads.to_string();
                settings.order = parts(threads * PARTS);
            }
        };
        match work.input {
            Input::Items { .. } | Input::Iterator(..) => {
                settings.blocks = matches!(work.input, Input::Items { .. });
                settings.batches = work.batch(in_turn::batch(work.result_bytes));
            }
            Input::Text(length) => several(&mut settings, self.crew(length as u64, chunk).size()),
            Input::File(length) => {
                let length = length.unwrap_or(u64::MAX);
                several(&mut settings, self.crew(length, chunk).size());
                settings.batches += match self.reader {
                    Reader::Read => ", read into a buffer for each thread",
                    Reader::Map => ", mapped into memory",
                };
            }
            Input::Reader => {
                several(&mut settings, self.workers);
                settings.batches = format!("up to {}, of whole records", Bytes(chunk));
                settings.read_ahead = read_ahead::of_reader(self.workers);
            }
            Input::Files(files) => {
                several(&mut settings, self.workers.min(files));
                settings.batches = read_ahead::batches(self.chunk_bytes);
                let readers = self.readers.clamp(1, files.max(1));
                settings.read_ahead = read_ahead::of_files(&Count(readers, "thread").to_string());
            }
            Input::Requests(_) => {
                settings.batches = RESPONSES.into();
                settings.read_ahead = window(self.window);
                settings.order = KEPT_BACK.into();
            }
        }
        settings
    }
}
