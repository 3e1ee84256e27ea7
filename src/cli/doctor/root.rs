//! The machine's files and programs, below a folder that a test can make.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;
use tokio::time::timeout;

/// Files of /proc, /sys and /etc are small; the rest of a larger one is not read.
const MAX_READ_LEN: u64 = 256 * 1024;

/// Programs that print a version or a state do so at once.
const PATIENCE: Duration = Duration::from_secs(3);

/// Where programs are looked for: first where units start bluetoothd from (Debian 12, and before), then a usual PATH.
const PROGRAM_FOLDERS: [&str; 6] =
    ["usr/libexec/bluetooth", "usr/lib/bluetooth", "usr/local/sbin", "usr/local/bin", "usr/sbin", "usr/bin"];

/// The folder below which everything is looked for: `/` but in tests.
#[derive(Debug)]
pub(super) struct Root(PathBuf);

impl Root {
    pub(super) fn new(root: &Path) -> Self {
        Self(root.to_owned())
    }

    /// Where `path`, written without its leading `/`, is.
    pub(super) fn at(&self, path: &str) -> PathBuf {
        self.0.join(path)
    }

    /// A file's text; bytes that are no UTF-8 are replaced.
    pub(super) fn read(&self, path: &str) -> io::Result<String> {
        let mut bytes = Vec::new();
        File::open(self.at(path))?.take(MAX_READ_LEN).read_to_end(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// A file of one line, or nothing.
    pub(super) fn line(&self, path: &str) -> Option<String> {
        Some(self.read(path).ok()?.trim_matches(['\0', '\n', ' ']).to_owned())
    }

    /// The names in a folder, sorted.
    pub(super) fn names(&self, path: &str) -> io::Result<Vec<String>> {
        let entries = fs::read_dir(self.at(path))?.filter_map(Result::ok);
        let mut names: Vec<String> = entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        Ok(names)
    }

    /// Where a symbolic link, or a folder, leads in the end.
    pub(super) fn resolved(&self, path: &str) -> Option<PathBuf> {
        fs::canonicalize(self.at(path)).ok()
    }

    /// Where that program is, if it is installed.
    pub(super) fn program(&self, name: &str) -> Option<PathBuf> {
        PROGRAM_FOLDERS.iter().map(|folder| self.at(folder).join(name)).find(|path| path.is_file())
    }

    /// What that program prints, or nothing where it is not installed, fails, or takes more than 3 s.
    pub(super) async fn ask(&self, program: &str, arguments: &[&str]) -> Option<String> {
        let mut command = Command::new(self.program(program)?);
        command.args(arguments).stdin(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
        let output = timeout(PATIENCE, command.output()).await.ok()?.ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
    }
}

/// The value of `key` below `[section]` of `main.conf` of bluetoothd (a `GKeyFile`: `#` begins a comment), the last one said.
pub(super) fn setting(text: &str, section: &str, key: &str) -> Option<String> {
    let mut here = false;
    let mut found = None;
    for line in text.lines().map(str::trim).filter(|line| !line.starts_with('#')) {
        if let Some(name) = line.strip_prefix('[') {
            here = name.trim_end_matches(']') == section;
        } else if let Some((name, value)) = line.split_once('=')
            && here
            && name.trim() == key
        {
            found = Some(value.trim().to_owned());
        }
    }
    found
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A root with these files; a content that starts with `->` is a symbolic link.
    pub(in crate::cli::doctor) fn fake(files: &[(&str, &str)]) -> (tempfile::TempDir, Root) {
        let dir = tempfile::tempdir().unwrap();
        for (path, content) in files {
            let path = dir.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            match content.strip_prefix("->") {
                Some(target) => std::os::unix::fs::symlink(target, path).unwrap(),
                None => fs::write(path, content).unwrap(),
            }
        }
        let root = Root::new(dir.path());
        (dir, root)
    }

    /// A program below `dir` that prints this. Another process writes it: a file that is open for writing here, or in a
    /// child that a test beside forks meanwhile, cannot be run (ETXTBSY).
    pub(in crate::cli::doctor) fn program(dir: &Path, path: &str, printed: &str) {
        let path = dir.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let script = format!("#!/bin/sh\ncat <<'X'\n{printed}\nX\n");
        let mut write = std::process::Command::new("sh");
        write.args(["-c", "printf %s \"$1\" > \"$0\" && chmod 755 \"$0\""]).arg(&path).arg(script);
        assert!(write.status().unwrap().success());
    }

    #[test]
    fn a_setting_is_its_section_s_and_no_comment() {
        let text = "[General]\n#ControllerMode = bredr\n ControllerMode=le \n[Policy]\nControllerMode = dual\n";
        assert_eq!(setting(text, "General", "ControllerMode").as_deref(), Some("le"));
        assert_eq!(setting(text, "LE", "ControllerMode"), None);
    }

    #[tokio::test]
    async fn a_program_that_is_not_there_says_nothing() {
        let (_dir, root) = fake(&[]);
        assert_eq!(root.ask("iw", &["dev"]).await, None);
    }
}
