//! What the settings of the asynchronous engine come to.

use super::Async;
use crate::depth::Readers;
use crate::explain::{
    BY_ITSELF, Bytes, CALLER, Count, Input, NOTHING_AHEAD, Settings, Work, parts,
};
use crate::memory::PARTS;
use crate::{in_turn, read_ahead};

impl Async {
    pub(super) fn explained(&self, work: &Work) -> Settings {
        let chunk = Bytes(self.chunk_bytes);
        let mut settings = Settings {
            blocks: false,
            threads: CALLER.into(),
            batches: format!("chunks of {chunk}"),
            read_ahead: NOTHING_AHEAD.into(),
            order: BY_ITSELF.into(),
            memory: "no limit but what is under way".into(),
        };
        match work.input {
            Input::Items { .. } | Input::Iterator(..) => {
                settings.blocks = matches!(work.input, Input::Items { .. });
                settings.batches = work.batch(in_turn::batch(work.result_bytes));
            }
            Input::Text(_) => {}
            Input::File(_) | Input::Reader => {
                settings.batches = format!("up to {chunk}, of whole records");
                settings.read_ahead = read_ahead::of_reader(1);
            }
            Input::Files(files) => {
                let workers = self.threads.min(files).max(1);
                if workers > 1 {
                    settings.threads = workers.to_string();
                    settings.order = parts(workers * PARTS);
                }
                settings.batches = read_ahead::batches(self.chunk_bytes);
                let Readers { first, most } = Readers::up_to(self.file_readers).at_most(files);
                settings.read_ahead = read_ahead::of_files(&match first == most {
                    true => Count(most, "thread").to_string(),
                    false => format!("{first} to {}", Count(most, "thread")),
                });
            }
            Input::Requests(keys) => {
                let connections = self.connections_for(keys);
                let threads = self.threads.clamp(1, connections);
                let share = self.in_flight.div_ceil(self.connections_for(usize::MAX));
                settings.threads = threads.to_string();
                settings.batches = "one response at a time".into();
                settings.read_ahead = format!(
                    "up to {} under way on each of {}{}",
                    Count(share, "request"),
                    Count(connections, "connection"),
                    if self.adaptive {
                        ", as many as the service bears"
                    } else {
                        ""
                    }
                );
                settings.order = format!(
                    "that of the keys where the sink asks for it, joined by the caller's thread: no \
                     request goes out while {} wait",
                    Count(self.waiting(), "response")
                );
            }
        }
        settings
    }
}
