//! Whether the memory of a probe can be limited, and whether that of the harness is.

use reports::record::Finding;

use super::{caveat, not_measured, ok};
use crate::host::texts::{Texts, first_number, limit};

pub(super) fn check(texts: &dyn Texts) -> Finding {
    let name = "memory limit";
    let limits = match texts.read("/proc/self/limits") {
        Ok(limits) => limits,
        Err(why) => return not_measured(name, &why),
    };
    let Some(own) = limit(&limits, "Max data size") else {
        return not_measured(name, "the kernel tells it in another form");
    };
    let release = texts.read("/proc/sys/kernel/osrelease").unwrap_or_default();
    if version(&release).is_some_and(|version| version < (4, 7)) {
        return caveat(
            name,
            format!("Linux {} does not limit mapped memory", release.trim()),
            "Runs in little memory are not what they seem: mapped memory counts since Linux 4.7.",
            "Use a newer kernel.",
        );
    }
    let total = texts
        .read("/proc/meminfo")
        .ok()
        .and_then(|info| first_number(&info, "MemTotal"))
        .map_or(u64::MAX, |kib| kib << 10);
    // In a container of version 2 or 1 of control groups, its own group is the root that it sees.
    let group = [
        "/sys/fs/cgroup/memory.max",
        "/sys/fs/cgroup/memory/memory.limit_in_bytes",
    ]
    .into_iter()
    .find_map(|path| texts.read(path).ok()?.trim().parse::<u64>().ok())
    .filter(|group| *group < total);
    match (own, group) {
        (None, None) => ok(name, "probes can be limited; the harness is not"),
        (own, group) => caveat(
            name,
            format!(
                "the harness itself is limited to {} MiB",
                own.into_iter().chain(group).min().unwrap_or(0) >> 20
            ),
            "What needs more memory fails here, or is killed, and would not elsewhere.",
            "Raise the limit (ulimit -d, or the container's memory).",
        ),
    }
}

fn version(release: &str) -> Option<(u32, u32)> {
    let mut numbers = release.split(|c: char| !c.is_ascii_digit());
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{Fixture, says};
    use super::*;
    use reports::record::Weight;

    const LIMITS: &str = "/proc/self/limits";
    const FREE: &str = "Max data size             unlimited            unlimited     bytes\n";
    const TIGHT: &str = "Max data size             1048576000           unlimited     bytes\n";
    const RELEASE: &str = "/proc/sys/kernel/osrelease";

    #[test]
    fn limits_of_the_process_the_group_and_the_kernel() {
        let free = Fixture(&[(LIMITS, FREE), (RELEASE, "6.1.0-13-amd64\n")]);
        says(&check(&free), Weight::Ok, "can be limited");
        let tight = Fixture(&[(LIMITS, TIGHT)]);
        says(&check(&tight), Weight::Caveat, "limited to 1000 MiB");
        let old = Fixture(&[(LIMITS, FREE), (RELEASE, "4.4.0-210-generic\n")]);
        says(&check(&old), Weight::Caveat, "Linux 4.4.0-210-generic");
        let total = ("/proc/meminfo", "MemTotal:  8388608 kB\n");
        let group = Fixture(Box::leak(Box::new([
            (LIMITS, FREE),
            total,
            ("/sys/fs/cgroup/memory.max", "2147483648\n"),
        ])));
        says(&check(&group), Weight::Caveat, "limited to 2048 MiB");
        let root = Fixture(Box::leak(Box::new([
            (LIMITS, FREE),
            total,
            ("/sys/fs/cgroup/memory.max", "max\n"),
            (
                "/sys/fs/cgroup/memory/memory.limit_in_bytes",
                "9223372036854771712\n",
            ),
        ])));
        says(&check(&root), Weight::Ok, "the harness is not");
    }
}
