//! How scarce memory is, as Linux says: what this process has resident, how much of the nearest limit is
//! used, and for how long programs have had to wait for memory.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

/// How scarce memory is at one moment. What the system does not say is `None`.
///
/// ```
/// use engines::Pressure;
///
/// let now = Pressure::now();
/// if cfg!(target_os = "linux") {
///     assert!(now.resident.unwrap() > 100_000);
///     assert!(now.share().unwrap() > 0.0);
/// }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Pressure {
    /// Bytes of this process in physical memory, from `/proc/self/statm`.
    pub resident: Option<u64>,
    /// Bytes in use of [`limit`](Self::limit), by whatever it limits. What the kernel merely
    /// keeps of files and can drop does not count.
    pub used: Option<u64>,
    /// The limit that is nearest to being reached, in bytes: of the control group of this process
    /// (`memory.max`, `memory.high`) or of one above it, or the machine's memory.
    pub limit: Option<u64>,
    /// Percent of the last ten seconds in which at least one task waited for memory (`some avg10`), in
    /// the control group or on the machine, whichever is more.
    pub some: Option<f64>,
    /// As [`some`](Self::some), in which all tasks waited (`full avg10`).
    pub full: Option<f64>,
}

impl Pressure {
    /// Reads what there is now: about four small files.
    pub fn now() -> Self {
        Sensors::find(Path::new("/")).read()
    }

    /// The share of the limit that is used, from 0 to 1.
    pub fn share(&self) -> Option<f64> {
        Some(self.used? as f64 / self.limit? as f64)
    }
}

/// Where the figures are, found once.
#[derive(Debug)]
pub(super) struct Sensors {
    statm: PathBuf,
    meminfo: PathBuf,
    stalls: Vec<PathBuf>,
    groups: Vec<Group>,
}

/// The files of a control group that had a limit when it was found.
#[derive(Debug)]
struct Group {
    limits: Vec<PathBuf>,
    used: PathBuf,
    stat: PathBuf,
    /// The names in `stat` of what the kernel keeps of files.
    files: [&'static str; 2],
}

impl Sensors {
    /// Finds the files below `root`, which is `/` but in tests.
    pub(super) fn find(root: &Path) -> Self {
        let mut found = Sensors {
            statm: root.join("proc/self/statm"),
            meminfo: root.join("proc/meminfo"),
            stalls: vec![root.join("proc/pressure/memory")],
            groups: Vec::new(),
        };
        let mounts = root.join("sys/fs/cgroup");
        let groups = std::fs::read_to_string(root.join("proc/self/cgroup")).unwrap_or_default();
        // Lines of `number:controllers:path`; version 2 has the number 0 and names no controllers.
        for line in groups.lines() {
            let mut parts = line.splitn(3, ':').skip(1);
            let (Some(controllers), Some(path)) = (parts.next(), parts.next()) else {
                continue;
            };
            let path = path.trim_start_matches('/');
            if controllers.is_empty() {
                // Mounted by itself, or beside version 1.
                found.add_unified(&mounts, path);
                found.add_unified(&mounts.join("unified"), path);
            } else if controllers.split(',').any(|name| name == "memory") {
                found.add_version_1(&mounts.join("memory"), path);
            }
        }
        found
    }

    /// Adds the groups from `path` up to `mount`. Where a container does not see the path of its group,
    /// the mount is that group.
    fn add_unified(&mut self, mount: &Path, path: &str) {
        let mut nearest = true;
        for folder in mount.join(path).ancestors() {
            let stall = folder.join("memory.pressure");
            if nearest && stall.exists() {
                self.stalls.push(stall);
                nearest = false;
            }
            self.add(Group {
                limits: vec![folder.join("memory.max"), folder.join("memory.high")],
                used: folder.join("memory.current"),
                stat: folder.join("memory.stat"),
                files: ["inactive_file", "active_file"],
            });
            if folder == mount {
                break;
            }
        }
    }

    fn add_version_1(&mut self, mount: &Path, path: &str) {
        for folder in mount.join(path).ancestors() {
            self.add(Group {
                limits: vec![folder.join("memory.limit_in_bytes")],
                used: folder.join("memory.usage_in_bytes"),
                stat: folder.join("memory.stat"),
                files: ["total_inactive_file", "total_active_file"],
            });
            if folder == mount {
                break;
            }
        }
    }

    fn add(&mut self, group: Group) {
        if group.limit().is_some() {
            self.groups.push(group);
        }
    }

    /// Reads all figures. It allocates nothing.
    pub(super) fn read(&self) -> Pressure {
        let mut space = Space::default();
        let resident = space.read(&self.statm).and_then(|text| {
            let pages: u64 = text.split(' ').nth(1)?.parse().ok()?;
            Some(pages * page_bytes()?)
        });
        let machine = space.read(&self.meminfo).and_then(|text| {
            let kib = |name| number_after(text, name).map(|kib| kib * 1024);
            let total = kib("MemTotal:")?;
            Some((total.checked_sub(kib("MemAvailable:")?)?, total))
        });
        let nearest = self
            .groups
            .iter()
            .filter_map(Group::read)
            .chain(machine)
            .max_by(|a, b| share(a).total_cmp(&share(b)));
        let (mut some, mut full) = (None, None);
        for path in &self.stalls {
            let text = space.read(path).unwrap_or_default();
            some = larger(some, average(text, "some"));
            full = larger(full, average(text, "full"));
        }
        Pressure {
            resident,
            used: nearest.map(|(used, _)| used),
            limit: nearest.map(|(_, limit)| limit),
            some,
            full,
        }
    }
}

impl Group {
    fn limit(&self) -> Option<u64> {
        let mut space = Space::default();
        let limits = self.limits.iter().filter_map(|path| {
            // "max" stands for none in version 2, and in version 1 all there could ever be.
            let bytes: u64 = space.read(path)?.trim().parse().ok()?;
            (bytes > 0 && bytes < 1 << 60).then_some(bytes)
        });
        limits.min()
    }

    /// Used bytes and the limit.
    fn read(&self) -> Option<(u64, u64)> {
        let limit = self.limit()?;
        let mut space = Space::default();
        let used: u64 = space.read(&self.used)?.trim().parse().ok()?;
        let stat = space.read(&self.stat).unwrap_or_default();
        let files = self
            .files
            .iter()
            .filter_map(|name| number_after(stat, name));
        Some((used.saturating_sub(files.sum()), limit))
    }
}

fn share((used, limit): &(u64, u64)) -> f64 {
    *used as f64 / *limit as f64
}

fn larger(a: Option<f64>, b: Option<f64>) -> Option<f64> {
    a.into_iter().chain(b).reduce(f64::max)
}

/// What a small file is read into.
struct Space([u8; 4096]);

impl Default for Space {
    fn default() -> Self {
        Space([0; 4096])
    }
}

impl Space {
    /// The beginning of the file as text, if it can be read. The kernel writes these files at once.
    fn read(&mut self, path: &Path) -> Option<&str> {
        let mut file = File::open(path).ok()?;
        let mut filled = 0;
        while filled < self.0.len() {
            match file.read(&mut self.0[filled..]) {
                Ok(0) => break,
                Ok(n) => filled += n,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(_) => return None,
            }
        }
        std::str::from_utf8(&self.0[..filled]).ok()
    }
}

/// The number that stands behind `name` at the beginning of a line.
fn number_after(text: &str, name: &str) -> Option<u64> {
    text.lines().find_map(|line| {
        let mut words = line.split_ascii_whitespace();
        (words.next() == Some(name)).then(|| words.next()?.parse().ok())?
    })
}

/// The `avg10` in the line of this kind.
fn average(text: &str, kind: &str) -> Option<f64> {
    let line = text.lines().find(|line| line.starts_with(kind))?;
    let average = line
        .split(' ')
        .find_map(|word| word.strip_prefix("avg10="))?;
    average.parse().ok()
}

#[cfg(unix)]
fn page_bytes() -> Option<u64> {
    // SAFETY: the call only returns a number.
    u64::try_from(unsafe { libc::sysconf(libc::_SC_PAGESIZE) }).ok()
}

#[cfg(not(unix))]
fn page_bytes() -> Option<u64> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder of files as the kernel would write them.
    fn root(files: &[(&str, &str)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = root.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        root
    }

    fn read(files: &[(&str, &str)]) -> Pressure {
        let root = root(files);
        Sensors::find(root.path()).read()
    }

    const STATM: (&str, &str) = ("proc/self/statm", "900 25 3 1 0 7 0\n");
    const MEMINFO: (&str, &str) = (
        "proc/meminfo",
        "MemTotal:  1000 kB\nMemFree: 10 kB\nMemAvailable:  600 kB\n",
    );
    const STALLS: (&str, &str) = (
        "proc/pressure/memory",
        "some avg10=1.50 avg60=9.00 avg300=9.00 total=9\nfull avg10=0.25 avg60=9.00 avg300=9.00 total=9\n",
    );

    #[test]
    fn nothing_can_be_read() {
        assert_eq!(read(&[]), Pressure::default());
        let rubbish = [
            ("proc/self/statm", "rubbish"),
            ("proc/meminfo", "MemTotal: much\n"),
            ("proc/self/cgroup", "0\n:::\nrubbish"),
            ("proc/pressure/memory", "some avg10=x\nfull"),
        ];
        assert_eq!(read(&rubbish), Pressure::default());
        assert_eq!(Pressure::default().share(), None);
    }

    #[test]
    fn a_machine_without_groups() {
        let now = read(&[STATM, MEMINFO, STALLS]);
        assert_eq!(now.resident, page_bytes().map(|page| 25 * page));
        assert_eq!((now.used, now.limit), (Some(400 << 10), Some(1000 << 10)));
        assert_eq!(now.share(), Some(0.4));
        assert_eq!((now.some, now.full), (Some(1.5), Some(0.25)));
    }

    #[test]
    fn the_group_or_one_above_it_or_the_machine_whichever_is_nearest() {
        let group = "sys/fs/cgroup/a/b/";
        let files = |name: &str| format!("{group}{name}");
        let (max, high, current) = (
            files("memory.max"),
            files("memory.high"),
            files("memory.current"),
        );
        let (stat, pressure) = (files("memory.stat"), files("memory.pressure"));
        let mut all = vec![
            STATM,
            MEMINFO,
            STALLS,
            ("proc/self/cgroup", "0::/a/b\n"),
            (&max, "max\n"),
            (&high, "1000\n"),
            (&current, "950\n"),
            (&stat, "anon 600\ninactive_file 200\nactive_file 50\n"),
            (
                &pressure,
                "some avg10=20.00 total=1\nfull avg10=0.00 total=1\n",
            ),
        ];
        let now = read(&all);
        assert_eq!((now.used, now.limit), (Some(700), Some(1000)));
        assert_eq!((now.some, now.full), (Some(20.0), Some(0.25)));
        all.push(("sys/fs/cgroup/a/memory.max", "2000\n"));
        all.push(("sys/fs/cgroup/a/memory.current", "1900\n"));
        let now = read(&all);
        assert_eq!((now.used, now.limit), (Some(1900), Some(2000)));
        // A container that sees its own group at the mount.
        let now = read(&[
            ("proc/self/cgroup", "0::/not/seen/here\n"),
            ("sys/fs/cgroup/memory.max", "100\n"),
            ("sys/fs/cgroup/memory.current", "50\n"),
        ]);
        assert_eq!(now.share(), Some(0.5));
    }

    #[test]
    fn version_1_beside_version_2() {
        let now = read(&[
            ("proc/self/cgroup", "4:cpu,memory:/a\n0::/\n"),
            (
                "sys/fs/cgroup/memory/memory.limit_in_bytes",
                "9223372036854771712\n",
            ),
            ("sys/fs/cgroup/memory/a/memory.limit_in_bytes", "1000\n"),
            ("sys/fs/cgroup/memory/a/memory.usage_in_bytes", "800\n"),
            (
                "sys/fs/cgroup/memory/a/memory.stat",
                "inactive_file 5\ntotal_inactive_file 100\n",
            ),
            (
                "sys/fs/cgroup/unified/memory.pressure",
                "some avg10=3.00 total=1\n",
            ),
        ]);
        assert_eq!((now.used, now.limit), (Some(700), Some(1000)));
        assert_eq!((now.some, now.full), (Some(3.0), None));
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn this_machine() {
        let now = Pressure::now();
        let (used, limit) = (now.used.unwrap(), now.limit.unwrap());
        assert!(used > 0 && used < limit, "{now:?}");
        assert!(now.resident.unwrap() < limit, "{now:?}");
    }
}
