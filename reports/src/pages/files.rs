//! Files that instruments left: which of them may be copied into the report, and what opens them.

use std::fs;
use std::io;
use std::path::Path;

/// Whether the name stays within its folder and is plain everywhere: parts of letters, digits, `.`, `_`,
/// `-` and `@`, none of which begins with a dot.
pub(crate) fn is_safe(name: &str) -> bool {
    name.len() <= 200
        && name.split('/').all(|part| {
            !part.is_empty()
                && !part.starts_with('.')
                && part
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || "._-@".contains(c))
        })
}

/// Where a file lies within the report, with `/`: always below `files`, where no page can be.
pub(crate) fn target(name: &str) -> String {
    match name.starts_with("files/") {
        true => name.to_owned(),
        false => format!("files/{name}"),
    }
}

/// Copies a file of the run's folder; `false` where there is none. A link that leads out of the folder
/// counts as none.
pub(crate) fn copy(run_folder: &Path, name: &str, to: &Path) -> io::Result<bool> {
    let (Ok(folder), Ok(from)) = (
        run_folder.canonicalize(),
        run_folder.join(name).canonicalize(),
    ) else {
        return Ok(false);
    };
    if !from.starts_with(&folder) || !from.is_file() {
        return Ok(false);
    }
    // A report written into the run's own folder must not empty the file it copies.
    if to.canonicalize().is_ok_and(|to| to == from) {
        return Ok(true);
    }
    if let Some(parent) = to.parent() {
        fs::create_dir_all(parent)?;
    }
    fs::copy(from, to)?;
    Ok(true)
}

/// What a file is and what opens it.
pub(crate) struct Kind {
    /// For people.
    pub(crate) what: &'static str,
    /// The program that shows it.
    pub(crate) viewer: &'static str,
    /// Whether it is a picture that the page shows.
    pub(crate) picture: bool,
}

/// The kind of a file by its name.
pub(crate) fn kind(name: &str) -> Kind {
    let file = name.rsplit('/').next().unwrap_or(name);
    let (what, viewer, picture) = if file.ends_with(".svg") {
        ("flame graph", "any browser", true)
    } else if file.contains("dhat") && file.ends_with(".json") {
        (
            "heap profile",
            "dh_view, which comes with Valgrind: dhat/dh_view.html",
            false,
        )
    } else if file.contains("callgrind") {
        ("instruction profile", "KCachegrind or QCachegrind", false)
    } else {
        ("file", "a text editor", false)
    };
    Kind {
        what,
        viewer,
        picture,
    }
}
