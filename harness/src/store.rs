//! The folder of a run: the record file, the files that instruments leave, the inputs. One run at a
//! time has it; an earlier run's records are put aside, never overwritten.

use std::collections::HashSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use anyhow::Context;
use reports::record::{self, Cell, Outcome, Record, Run};

use crate::exit::usage;

const RECORDS: &str = "records.jsonl";

/// An open run folder.
pub(crate) struct Store {
    folder: PathBuf,
    records: Mutex<File>,
    /// Records that were there before, when resuming.
    earlier: Vec<Record>,
    /// Held as long as the store: another run in the same folder would mix its records with ours.
    _lock: File,
}

/// The records of a folder, with a warning on standard error for each line that cannot be read.
///
/// # Errors
/// If there is no record file, or it cannot be read.
pub(crate) fn load(folder: &Path) -> anyhow::Result<Vec<Record>> {
    let path = folder.join(RECORDS);
    let file = match File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let what = format!("no records in {}", folder.display());
            return Err(usage(
                "H004",
                what,
                "measure first: cargo run -p harness -- all",
            ));
        }
        Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
    };
    let found = record::read(BufReader::new(file))
        .with_context(|| format!("cannot read {}", path.display()))?;
    for skipped in &found.skipped {
        crate::print::note(&format!(
            "warning: {}: {skipped}; the line is left out",
            path.display()
        ));
    }
    Ok(found.records)
}

impl Store {
    /// Opens a folder for a new run, or, with `resume`, for the one that `run` continues.
    ///
    /// # Errors
    /// If the folder cannot be written, another run has it, or there is nothing that can be resumed.
    pub(crate) fn open(folder: &Path, run: &mut Run, resume: bool) -> anyhow::Result<Store> {
        let unwritable = |error: io::Error| {
            let what = format!("cannot write to {}: {error}", folder.display());
            usage("H003", what, "choose another folder with --out")
        };
        fs::create_dir_all(folder).map_err(unwritable)?;
        let lock = File::create(folder.join("lock")).map_err(unwritable)?;
        if lock.try_lock().is_err() {
            let what = format!("another run is using {}", folder.display());
            return Err(usage(
                "H006",
                what,
                "wait for it, or choose another folder with --out",
            ));
        }
        let path = folder.join(RECORDS);
        let mut earlier = Vec::new();
        if resume {
            earlier = load(folder)?;
            continues(&earlier, run)?;
            whole_lines(&path).map_err(unwritable)?;
        } else {
            if path.exists() {
                let free = |n: &u32| !folder.join(format!("records.{n}.jsonl")).exists();
                let n = (1..).find(free).unwrap_or(u32::MAX);
                let aside = folder.join(format!("records.{n}.jsonl"));
                fs::rename(&path, aside).map_err(unwritable)?;
            }
            // Nothing may be left of an earlier run that a page could offer as this one's.
            match fs::remove_dir_all(folder.join("files")) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(unwritable(error));
                }
                _ => {}
            }
        }
        let records = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&path)
            .map_err(unwritable)?;
        let store = Store {
            folder: folder.to_owned(),
            records: Mutex::new(records),
            earlier,
            _lock: lock,
        };
        if !resume {
            store.append(&[Record::Run(run.clone())])?;
        }
        Ok(store)
    }

    /// The folder.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The records that were there before, when resuming.
    pub(crate) fn earlier(&self) -> &[Record] {
        &self.earlier
    }

    /// What has been measured already: cell, instrument and block. What failed may have been killed by
    /// accident and is tried again.
    pub(crate) fn done(&self) -> HashSet<(Cell, String, u32)> {
        let probes = self.earlier.iter().filter_map(|record| match record {
            Record::Probe(probe) => Some(probe),
            _ => None,
        });
        probes
            .filter(|probe| !matches!(probe.outcome, Outcome::Failed { .. }))
            .map(|p| (p.cell.clone(), p.instrument.clone(), p.block))
            .collect()
    }

    /// Appends records, all or, on a full disk, none: what was written of them is taken back.
    pub(crate) fn append(&self, records: &[Record]) -> anyhow::Result<()> {
        let lines: String = records.iter().map(record::line).collect();
        let mut file = self
            .records
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner());
        let length = file.metadata().map(|data| data.len());
        file.write_all(lines.as_bytes())
            .or_else(|error| {
                if let Ok(length) = length {
                    file.set_len(length)?;
                }
                Err(error)
            })
            .with_context(|| {
                let path = self.folder.join(RECORDS);
                format!(
                    "cannot write {}: what was measured before is kept, --resume goes on",
                    path.display()
                )
            })
    }

    /// Where a file lies that a record names, with its folder made.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        let path = self.folder.join(name);
        if let Some(parent) = path.parent() {
            // If it cannot be made, writing the file says so.
            let _ = fs::create_dir_all(parent);
        }
        path
    }

    /// Takes the paths of this machine out of a text that an instrument left, since reports are
    /// published: where the sources, the executable and the user's files lie is nobody's business.
    pub(crate) fn scrub(&self, name: &str) -> io::Result<()> {
        let path = self.folder.join(name);
        let mut text = fs::read_to_string(&path)?;
        let folder = |variable| std::env::var_os(variable).map(PathBuf::from);
        let sources = Path::new(env!("CARGO_MANIFEST_DIR"))
            .parent()
            .map(Path::to_owned);
        let here = std::env::current_dir().ok();
        let executable = std::env::current_exe().ok();
        let executable = executable
            .as_deref()
            .and_then(Path::parent)
            .map(Path::to_owned);
        let run = fs::canonicalize(&self.folder).ok();
        let places = [
            (run, "run"),
            (executable, "bin"),
            (sources, "."),
            (here, "."),
            (folder("CARGO_HOME"), "cargo"),
            (folder("HOME"), "~"),
        ];
        for (place, stands_for) in places {
            let Some(place) = place.as_deref().and_then(Path::to_str) else {
                continue;
            };
            // The root folder is in every path and says nothing.
            if place.len() > 1 {
                text = text.replace(place, stands_for);
            }
        }
        fs::write(path, text)
    }

    /// The folder of the inputs, made afresh.
    pub(crate) fn inputs(&self) -> anyhow::Result<PathBuf> {
        self.remove_inputs();
        let folder = self.folder.join("inputs");
        fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        // Probes may run in another working directory one day; a relative path would mislead them.
        fs::canonicalize(&folder).with_context(|| format!("cannot find {}", folder.display()))
    }

    /// Removes the inputs, which the seed can make again.
    pub(crate) fn remove_inputs(&self) {
        let _ = fs::remove_dir_all(self.folder.join("inputs"));
    }
}

/// Takes the seed of the earlier run, and refuses to mix what cannot be compared.
fn continues(earlier: &[Record], run: &mut Run) -> anyhow::Result<()> {
    let before = earlier.iter().find_map(|record| match record {
        Record::Run(run) => Some(run),
        _ => None,
    });
    let Some(before) = before else {
        let help = "start anew without --resume";
        return Err(usage(
            "H005",
            "the records do not say which run they belong to",
            help,
        ));
    };
    let differs = [
        ("size", &before.size, &run.size),
        ("commit", &before.commit, &run.commit),
        ("toolchain", &before.toolchain, &run.toolchain),
        ("profile", &before.profile, &run.profile),
        ("build", &before.build, &run.build),
        (
            "processor",
            &before.machine.processor,
            &run.machine.processor,
        ),
    ]
    .into_iter()
    .find(|(_, before, now)| before != now);
    if let Some((what, before, now)) = differs {
        let what = format!("cannot resume: the {what} was `{before}` and is `{now}`");
        return Err(usage("H005", what, "start anew without --resume"));
    }
    run.clone_from(before);
    Ok(())
}

/// Cuts off a last line that an interruption left unfinished.
fn whole_lines(path: &Path) -> io::Result<()> {
    let text = fs::read(path)?;
    let whole = text
        .iter()
        .rposition(|&byte| byte == b'\n')
        .map_or(0, |at| at + 1);
    if whole < text.len() {
        OpenOptions::new()
            .write(true)
            .open(path)?
            .set_len(whole as u64)?;
    }
    Ok(())
}
