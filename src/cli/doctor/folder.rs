//! What Emma reads and writes: the configuration, its secrets, the state folder.

use std::fs::{self, Metadata};
use std::io::ErrorKind;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{Access, access};
use rustix::process::geteuid;

use super::Patient;
use super::finding::Finding;
use crate::config::gateway::Mqtt;
use crate::config::{FILES, Loaded};
use crate::discretion;
use crate::ledger::folder;

/// Everyone but the owner and the owner's group, who change something.
const WRITTEN_BY_WORLD: u32 = 0o002;

/// The checks of this group.
pub(super) fn examine(patient: &Patient) -> Vec<Finding> {
    let secrets = patient.loaded.gateway.as_ref().map_or_else(
        || Finding::unknown("secrets", "gateway.toml cannot be read, so none is known"),
        |gateway| secrets(gateway.brokers()),
    );
    let am_root = geteuid().is_root();
    vec![
        configuration(&patient.loaded, &patient.config_folder),
        config_folder(&patient.config_folder),
        secrets,
        state_folder(&patient.state_folder, am_root),
    ]
}

fn configuration(loaded: &Loaded, folder: &Path) -> Finding {
    const CHECK: &str = "configuration";
    let look = format!("emma check --config {} says what, where and what to do", folder.display());
    match loaded.counts() {
        (0, 0) => Finding::ok(CHECK, "five files, all is well"),
        (0, warnings) => Finding::note(CHECK, format!("no errors, warnings: {warnings}")).advise(look),
        (errors, warnings) => Finding::fail(CHECK, format!("errors: {errors}, warnings: {warnings}"), look),
    }
}

/// Whoever may write the five files may loosen the promise.
fn config_folder(folder: &Path) -> Finding {
    const CHECK: &str = "config-folder";
    let paths = std::iter::once(folder.to_owned()).chain(FILES.map(|file| folder.join(file)));
    let is_open = |path: &PathBuf| fs::metadata(path).is_ok_and(|metadata| metadata.mode() & WRITTEN_BY_WORLD != 0);
    match (folder.is_dir(), paths.into_iter().find(is_open)) {
        (false, _) => Finding::unknown(CHECK, format!("there is no folder {} that this user sees", folder.display())),
        (true, Some(open)) => {
            let what = format!("every user of this machine may change {}", open.display());
            Finding::fail(CHECK, what, format!("sudo chmod o-w {}", open.display()))
        }
        (true, None) => Finding::ok(CHECK, "not everybody may change it"),
    }
}

fn secrets<'a>(brokers: impl IntoIterator<Item = &'a Mqtt>) -> Finding {
    const CHECK: &str = "secrets";
    let (mut looked, mut unseen) = (0_usize, Vec::new());
    for file in discretion::secrets(brokers) {
        let shown = file.display();
        match fs::metadata(file) {
            Ok(metadata) if discretion::is_open_to_all(&metadata) => {
                let what = format!("{shown} is open to every user of this machine");
                return Finding::fail(CHECK, what, format!("sudo chown emma {shown} && sudo chmod 400 {shown}"));
            }
            Ok(_) => looked += 1,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return Finding::fail(CHECK, format!("there is no file {shown}"), "put it there, or correct [mqtt]");
            }
            Err(error) => unseen.push(format!("{shown}: {error}")),
        }
    }
    match (looked, unseen.is_empty()) {
        (_, false) => Finding::unknown(CHECK, unseen.join("; ")).advise(AS_EMMA),
        (0, true) => Finding::ok(CHECK, "the configuration names none"),
        (_, true) => Finding::ok(CHECK, format!("files that others cannot read: {looked}")),
    }
}

/// What is for one user can be judged by that user.
pub(super) const AS_EMMA: &str = "ask as Emma's user: sudo -u emma emma doctor";

fn state_folder(folder: &Path, am_root: bool) -> Finding {
    const CHECK: &str = "state-folder";
    let shown = folder.display();
    let metadata = match fs::metadata(folder) {
        Ok(metadata) if metadata.is_dir() => metadata,
        Ok(_) => return Finding::fail(CHECK, format!("{shown} is no folder"), "move it away: Emma makes the folder"),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return Finding::note(CHECK, format!("there is no {shown} yet; the service makes it at its first start"));
        }
        Err(error) => return Finding::unknown(CHECK, format!("{shown}: {error}")).advise(AS_EMMA),
    };
    let mode = metadata.permissions().mode();
    if mode & folder::OTHERS != 0 {
        let what =
            format!("{shown} is open to others (mode {:03o}), and holds what customers were promised", mode & 0o777);
        return Finding::fail(CHECK, what, format!("sudo chmod 700 {shown}"));
    }
    if let Some(foreign) = foreign(folder, &metadata) {
        let what = format!("{shown}/{foreign} is another user's: it was made by a command that ran as root");
        return Finding::fail(CHECK, what, format!("sudo chown -R --reference={shown} {shown}"));
    }
    if am_root {
        let what = format!("{shown} is for its owner alone; as root it cannot be told what its owner may write");
        return Finding::note(CHECK, what).advise(AS_EMMA);
    }
    match access(folder, Access::READ_OK | Access::WRITE_OK | Access::EXEC_OK) {
        Ok(()) => Finding::ok(CHECK, format!("{shown} is for its owner alone and can be written")),
        Err(error) if metadata.uid() == geteuid().as_raw() => {
            Finding::fail(CHECK, format!("{shown} cannot be written: {error}"), "see `disk` below, then dmesg")
        }
        Err(_) => Finding::unknown(CHECK, format!("{shown} is another user's")).advise(AS_EMMA),
    }
}

/// A file of the folder that its owner does not own.
fn foreign(folder: &Path, owner: &Metadata) -> Option<String> {
    let entries = fs::read_dir(folder).ok()?.filter_map(Result::ok);
    let mut foreign = entries.filter(|entry| entry.metadata().is_ok_and(|metadata| metadata.uid() != owner.uid()));
    foreign.next().map(|entry| entry.file_name().to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::doctor::finding::Verdict;

    fn mode(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    fn mqtt(password_file: Option<PathBuf>) -> Mqtt {
        Mqtt {
            host: "broker".into(),
            port: 1883,
            tls: false,
            client_id: None,
            username: None,
            password_file,
            ca_file: None,
            cert_file: None,
            key_file: None,
            root: "emma".into(),
            protocol: crate::config::gateway::Protocol::Mqtt5,
        }
    }

    #[test]
    fn a_password_that_all_can_read_is_told_without_its_content() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("password");
        fs::write(&file, "hunter2").unwrap();
        mode(&file, 0o644);
        let found = secrets(Some(&mqtt(Some(file.clone()))));
        assert_eq!(found.verdict, Verdict::Fail);
        assert!(found.to_do.contains("chmod 400") && !format!("{found:?}").contains("hunter2"), "{found:?}");
        mode(&file, 0o440);
        assert_eq!(secrets(Some(&mqtt(Some(file.clone())))).verdict, Verdict::Ok, "a group of Emma's own is fine");
        fs::remove_file(&file).unwrap();
        assert_eq!(secrets(Some(&mqtt(Some(file)))).verdict, Verdict::Fail);
        assert_eq!(secrets(Some(&mqtt(None))).verdict, Verdict::Ok);
    }

    #[test]
    fn a_promise_that_all_can_change_is_none() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("promise.toml");
        fs::write(&file, "").unwrap();
        mode(&file, 0o644);
        assert_eq!(config_folder(dir.path()).verdict, Verdict::Ok);
        mode(&file, 0o666);
        assert!(config_folder(dir.path()).to_do.ends_with("promise.toml"));
        assert_eq!(config_folder(&dir.path().join("none")).verdict, Verdict::Unknown);
    }

    #[test]
    fn a_state_folder_is_for_its_owner_alone() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("state");
        assert_eq!(state_folder(&folder, false).verdict, Verdict::Note, "none yet");
        fs::create_dir(&folder).unwrap();
        mode(&folder, 0o750);
        assert_eq!(state_folder(&folder, false).verdict, Verdict::Fail);
        mode(&folder, 0o700);
        assert_eq!(state_folder(&folder, false).verdict, Verdict::Ok);
        assert_eq!(state_folder(&folder, true).verdict, Verdict::Note, "root may write everything");
        let file = dir.path().join("file");
        fs::write(&file, "").unwrap();
        assert_eq!(state_folder(&file, false).verdict, Verdict::Fail);
    }
}
