//! A clean Debian in a folder, as debootstrap leaves it with what a Raspberry Pi has besides (systemd, D-Bus, Bluetooth, polkit),
//! and the package of the binary under test. Nothing is started in it.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

/// What a Debian has that runs a gateway. Emma's package asks for it, and no network is needed to install it.
const INCLUDED: &str = "systemd-sysv,libpam-systemd,dbus,bluez,polkitd,systemd-timesyncd";

/// Folders whose content a package manager and an init write as they like.
const NOBODYS: [&str; 6] = ["proc", "tmp", "var/cache", "var/lib/dpkg", "var/lib/apt", "var/log"];

/// A Debian of its own, gone with the test.
pub(crate) struct Debian {
    /// For its owner alone: programs of it that are anybody's may not be run by anybody.
    root: PathBuf,
}

impl Debian {
    /// A copy of the one that is kept below target/; nothing once it has said what is skipped.
    pub(crate) fn new(skipped: &str) -> Option<Self> {
        static BASE: OnceLock<Result<PathBuf, String>> = OnceLock::new();
        let base = match BASE.get_or_init(base) {
            Ok(base) => base,
            Err(why) => {
                eprintln!("skipped, {why}: {skipped}");
                return None;
            }
        };
        let copy = tempfile::Builder::new().prefix("debian-").tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap().keep();
        let debian = Self { root: copy.join("root") };
        run(as_root("cp").args(["-a", "--reflink=auto"]).arg(base).arg(&debian.root));
        Some(debian)
    }

    /// Where a file of it lies.
    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.root.join(path.trim_start_matches('/'))
    }

    /// A program of it, by root.
    pub(crate) fn command(&self, program: &str) -> Command {
        // systemd's programs look at themselves in /proc; the mount ends with the command that has it.
        let line = r#"mount -t proc proc "$0/proc"; exec chroot "$0" "$@""#;
        let path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
        let mut command = as_root("env");
        command.args(["-i", path, "LC_ALL=C.UTF-8", "DEBIAN_FRONTEND=noninteractive"]);
        command.args(["unshare", "--mount", "sh", "-ec", line]).arg(&self.root).arg(program);
        command
    }

    /// What a command line of it prints; it has to end well.
    pub(crate) fn sh(&self, line: &str) -> String {
        run(self.command("sh").args(["-ec", line]))
    }

    /// The installed `emma`, by Emma's user.
    pub(crate) fn emma(&self, arguments: &[&str]) -> Output {
        let mut command = self.command("setpriv");
        command.args(["--reuid=emma", "--regid=emma", "--clear-groups", "emma"]).args(arguments).output().unwrap()
    }

    /// Puts a file into it.
    pub(crate) fn put(&self, file: &Path, path: &str) {
        run(as_root("cp").arg(file).arg(self.path(path)));
    }

    /// Installs a package as an administrator does, whose edited files stay; says what was printed.
    pub(crate) fn install(&self, package: &Path) -> String {
        let name = package.file_name().unwrap().to_str().unwrap();
        self.put(package, "/root");
        self.sh(&format!("apt-get install -y -o Dpkg::Options::=--force-confold /root/{name} 2>&1; rm /root/{name}"))
    }

    /// Every file and folder but what is nobody's business: what it is, and its content's hash.
    pub(crate) fn files(&self) -> BTreeMap<String, String> {
        let nobodys = NOBODYS.iter().flat_map(|folder| ["-path".to_owned(), format!("./{folder}/*"), "-o".to_owned()]);
        let mut find = as_root("find");
        find.current_dir(&self.root).args([".", "-not", "("]).args(nobodys).args(["-false", ")"]);
        let listed = run(find.args(["-printf", "%p\t%M %U %G %l\n"]));
        let mut files: BTreeMap<String, String> = listed
            .lines()
            .filter_map(|line| line.split_once('\t'))
            .map(|(path, what)| (path.into(), what.into()))
            .collect();
        for (path, what) in &mut files {
            let path = self.root.join(path);
            if fs::symlink_metadata(&path).is_ok_and(|file| file.is_file() && !file.file_type().is_socket()) {
                let metadata = fs::metadata(&path).unwrap();
                let content = fs::read(&path).map_or(0, |bytes| sum(&bytes));
                *what = format!("{what} {} {content}", metadata.size());
            }
        }
        files
    }
}

impl Drop for Debian {
    fn drop(&mut self) {
        run(as_root("rm").args(["-rf", "--one-file-system"]).arg(self.root.parent().unwrap()));
    }
}

/// Enough to tell one content from another (FNV-1a).
fn sum(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |sum, byte| (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

/// The package of the binary under test, built by the documented command.
pub(crate) fn package() -> &'static Path {
    static PACKAGE: OnceLock<PathBuf> = OnceLock::new();
    PACKAGE.get_or_init(|| {
        let out = Path::new(env!("CARGO_TARGET_TMPDIR")).join("package");
        fs::create_dir_all(&out).unwrap();
        let stripped = out.join("emma");
        run(Command::new("strip").arg("-o").arg(&stripped).arg(env!("CARGO_BIN_EXE_emma")));
        let mut build = Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/debian/build"));
        // Packed well is a minute for a debug build.
        build.envs([("DPKG_DEB_COMPRESSOR_TYPE", "gzip"), ("DPKG_DEB_COMPRESSOR_LEVEL", "1")]);
        PathBuf::from(run(build.arg("--binary").arg(stripped).arg("--out").arg(out)).trim())
    })
}

/// The same as an older version had it, with another word in a file that people edit and in one that they do not.
pub(crate) fn older_package() -> &'static Path {
    static OLDER: OnceLock<PathBuf> = OnceLock::new();
    OLDER.get_or_init(|| {
        let package = package();
        let (tree, older) = (package.with_extension("older"), package.with_file_name("emma_0.0.9.deb"));
        run(Command::new("dpkg-deb").arg("--raw-extract").arg(package).arg(&tree));
        let line = "sed -i 's/^Version: .*/Version: 0.0.9/' DEBIAN/control
            sed -i '1i # Of an older version.' etc/emma/gateway.toml etc/emma/zones.toml";
        run(Command::new("sh").args(["-ec", line]).current_dir(&tree));
        run(Command::new("dpkg-deb").args(["--root-owner-group", "-Zgzip", "-z1", "--build"]).arg(&tree).arg(&older));
        fs::remove_dir_all(tree).unwrap();
        older
    })
}

/// The kept Debian, made if it is not there; or why it cannot be.
fn base() -> Result<PathBuf, String> {
    for program in ["debootstrap", "dh", "strip", "dpkg-buildpackage"] {
        let is_there = Command::new("sh").args(["-c", &format!("PATH=$PATH:/usr/sbin command -v {program}")]).output();
        if !is_there.is_ok_and(|output| output.status.success()) {
            return Err(format!("{program} is not installed"));
        }
    }
    if !as_root("unshare").args(["--mount", "true"]).output().is_ok_and(|output| output.status.success()) {
        return Err("it needs root that may mount, or a sudo that asks for no password".to_owned());
    }
    let suite = suite();
    let kept = Path::new(env!("CARGO_TARGET_TMPDIR")).join("debootstrap").join(&suite);
    let making = kept.with_extension(format!("making-{}", std::process::id()));
    if kept.exists() {
        return Ok(kept);
    }
    fs::create_dir_all(kept.parent().unwrap()).unwrap();
    let include = format!("--include={INCLUDED}");
    let mut debootstrap = as_root("env");
    debootstrap.arg("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
    let made = debootstrap.args(["debootstrap", "--variant=minbase", &include, &suite]).arg(&making).output().unwrap();
    let said = String::from_utf8_lossy(&made.stdout) + String::from_utf8_lossy(&made.stderr);
    // Its words where the archive is not reached; whatever else is wrong with it fails.
    if ["Failed getting release", "Couldn't download", "Unable to download"].iter().any(|words| said.contains(words)) {
        run(as_root("rm").args(["-rf", "--one-file-system"]).arg(&making));
        return Err(format!("no Debian can be fetched: {}", said.lines().last().unwrap_or_default()));
    }
    assert!(made.status.success(), "debootstrap makes no {suite}: {said}");
    run(as_root("rm").args(["-rf"]).args([making.join("var/cache/apt/archives"), making.join("var/lib/apt/lists")]));
    // Whoever else made it meanwhile made the same.
    if !as_root("mv").arg("-T").arg(&making).arg(&kept).output().is_ok_and(|output| output.status.success()) {
        run(as_root("rm").args(["-rf", "--one-file-system"]).arg(&making));
    }
    Ok(kept)
}

/// This machine's Debian, whose libc is the binary's: 12 or 13. `EMMA_DEBIAN` asks for another.
fn suite() -> String {
    let here = fs::read_to_string("/etc/os-release").unwrap_or_default();
    let named = here.lines().find_map(|line| line.strip_prefix("VERSION_CODENAME=")).unwrap_or_default();
    std::env::var("EMMA_DEBIAN").unwrap_or_else(|_| if named == "bookworm" { named } else { "trixie" }.to_owned())
}

fn as_root(program: &str) -> Command {
    if rustix::process::geteuid().is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("sudo");
    command.args(["-n", program]);
    command
}

/// What it prints; it has to end well.
fn run(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{command:?}: {}{}", said(&output.stdout), said(&output.stderr));
    said(&output.stdout)
}
