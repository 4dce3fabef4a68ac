//! A command line as a shell reads it, as far as that takes no shell: words and quotes. Whatever else
//! means something to a shell is left to one.

use std::path::{Path, PathBuf};

/// What runs the commands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Shell {
    /// They are started directly.
    None,
    /// This program with these arguments, `-c` and the command.
    By(Vec<String>),
}

impl Shell {
    /// The shell of POSIX.
    pub(crate) fn usual() -> Shell {
        Shell::By(vec!["sh".to_owned()])
    }

    /// The usual one for all if one of them needs it, so that its start is part of every time or of none.
    pub(crate) fn for_all<'a>(mut lines: impl Iterator<Item = &'a str>) -> Shell {
        match lines.any(needs_shell) {
            true => Shell::usual(),
            false => Shell::None,
        }
    }
}

/// Commands that are part of a shell, and words that begin its constructs, as far as there is no program
/// of the same name to take their place.
const BUILT_IN: [&str; 29] = [
    ".", ":", "!", "alias", "bg", "break", "case", "cd", "command", "continue", "eval", "exec",
    "exit", "export", "fg", "for", "if", "jobs", "read", "return", "set", "shift", "source",
    "times", "trap", "ulimit", "umask", "until", "while",
];

fn needs_shell(line: &str) -> bool {
    let mut quote = None;
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        match (quote, c) {
            (Some('\''), '\'') | (Some('"'), '"') => quote = None,
            (Some('\''), _) => {}
            (_, '\\') => {
                chars.next();
            }
            (_, '$' | '`') => return true,
            (Some(_), _) => {}
            (None, '\'' | '"') => quote = Some(c),
            (None, '|' | '&' | ';' | '<' | '>' | '(' | ')' | '*' | '?' | '[' | '#' | '~') => {
                return true;
            }
            (None, '{' | '}' | '\n') => return true,
            (None, _) => {}
        }
    }
    let Ok(words) = split(line) else {
        return true;
    };
    let first = words.first().map_or("", String::as_str);
    // `NAME=value program` sets a variable for the program.
    BUILT_IN.contains(&first) || first.contains('=')
}

/// The words of a line.
///
/// # Errors
/// If there is none, or a quote does not end.
pub(crate) fn split(line: &str) -> Result<Vec<String>, String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut chars = line.chars().peekable();
    while let Some(c) = chars.next() {
        match (quote, c) {
            (Some(mark), c) if mark == c => quote = None,
            (Some('"'), '\\') if matches!(chars.peek(), Some('"' | '\\' | '$' | '`')) => {
                word.get_or_insert_default().extend(chars.next());
            }
            (Some(_), c) => word.get_or_insert_default().push(c),
            (None, '\'' | '"') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None, '\\') => match chars.next() {
                Some(next) => word.get_or_insert_default().push(next),
                None => return Err("nothing follows the last `\\`".to_owned()),
            },
            (None, c) if c.is_whitespace() => words.extend(word.take()),
            (None, c) => word.get_or_insert_default().push(c),
        }
    }
    if let Some(mark) = quote {
        return Err(format!("a quote {mark} does not end"));
    }
    words.extend(word);
    match words.is_empty() {
        true => Err("an empty command".to_owned()),
        false => Ok(words),
    }
}

/// The file of a program: as it is if the name has a slash, else by the `PATH`.
pub(crate) fn find(name: &str) -> Option<PathBuf> {
    if name.is_empty() {
        return None;
    }
    if name.contains('/') {
        return Some(PathBuf::from(name)).filter(|path| runs(path));
    }
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|folder| folder.join(name))
        .find(|file| runs(file))
}

fn runs(file: &Path) -> bool {
    let Ok(data) = file.metadata() else {
        return false;
    };
    #[cfg(unix)]
    let may = std::os::unix::fs::PermissionsExt::mode(&data.permissions()) & 0o111 != 0;
    #[cfg(not(unix))]
    let may = true;
    data.is_file() && may
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_those_of_a_shell() {
        let words = |line: &str| split(line).unwrap();
        assert_eq!(words(" a  b\tc "), ["a", "b", "c"]);
        assert_eq!(
            words(r#"a 'b c' "d \" e" f\ g '' h"i"j"#),
            ["a", "b c", "d \" e", "f g", "", "hij"]
        );
        assert_eq!(words(r#"'a\' "b\n" "#), [r"a\", r"b\n"]);
        for wrong in ["", "  ", "'a", "\"a", "a\\"] {
            assert!(split(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_shell_is_taken_only_where_one_is_needed() {
        for plain in [
            "sleep 1",
            "grep 'a|b' file",
            r#"awk "{print}" x"#,
            r"echo \$HOME",
            "echo é",
        ] {
            assert!(!needs_shell(plain), "{plain}");
        }
        for shell in [
            "a | b",
            "a; b",
            "a > b",
            "echo $HOME",
            "echo \"$HOME\"",
            "ls *.rs",
            "exit 3",
            "X=1 env",
            "a && b",
            "`a`",
            "for i in 1; do a; done",
            "'open",
            "echo {1,2}",
        ] {
            assert!(needs_shell(shell), "{shell}");
        }
        assert_eq!(Shell::for_all(["a", "b | c"].into_iter()), Shell::usual());
        assert_eq!(Shell::for_all(["a", "b"].into_iter()), Shell::None);
    }

    #[cfg(unix)]
    #[test]
    fn programs_are_found_as_a_shell_finds_them() {
        assert!(find("sh").is_some_and(|file| file.is_absolute()));
        assert_eq!(find("/bin/sh"), Some(PathBuf::from("/bin/sh")));
        for none in [
            "",
            "no-such-program",
            "/no/such/program",
            "/",
            "/etc/passwd",
        ] {
            assert_eq!(find(none), None, "{none}");
        }
    }
}
