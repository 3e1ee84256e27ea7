//! The shipped shop in a folder of its own, and the real binary to run in it.

use std::fs;
use std::path::{Path, PathBuf};

use assert_cmd::Command;
use tempfile::TempDir;

/// The five files of a configuration.
pub const FILES: [&str; 5] = ["gateway.toml", "site.toml", "zones.toml", "offers.toml", "promise.toml"];

/// A Tuesday in November, 10:00 in Zurich: the shipped shop is open, and no quiet hour.
pub const TUESDAY_10: i64 = 1_795_510_800;

/// How a run ended.
#[derive(Debug)]
pub struct Ended {
    pub code: i32,
    pub out: String,
    pub err: String,
}

/// Runs `emma` with these arguments; nothing of the caller's environment is meant for it.
pub fn emma(arguments: &[&str]) -> Ended {
    emma_with(arguments, "")
}

/// The same, with something to read on standard input.
pub fn emma_with(arguments: &[&str], input: &str) -> Ended {
    let mut command = Command::new(env!("CARGO_BIN_EXE_emma"));
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("EMMA_")) {
        command.env_remove(name);
    }
    let output = command.env_remove("STATE_DIRECTORY").args(arguments).write_stdin(input).output().unwrap();
    Ended {
        code: output.status.code().unwrap(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

/// The folder with the files that Emma ships.
pub fn shipped() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("config")
}

/// A copy of the shipped configuration whose ledger lies beside it.
pub struct Shop {
    dir: TempDir,
}

impl Shop {
    pub fn new() -> Self {
        let shop = Self { dir: TempDir::new().unwrap() };
        fs::create_dir(shop.path("config")).unwrap();
        for file in FILES {
            fs::copy(shipped().join(file), shop.path("config").join(file)).unwrap();
        }
        let gateway = fs::read_to_string(shipped().join("gateway.toml")).unwrap();
        shop.write("config/gateway.toml", format!("{gateway}\n[ledger]\npath = \"../state\"\n"));
        shop
    }

    /// The same, with the departments drawn on the floor.
    pub fn drawn() -> Self {
        let shop = Self::new();
        let mut zones = fs::read_to_string(shop.path("config/zones.toml")).unwrap();
        for (gateway, corners) in [
            ("gw-entrance", "[[0.0, 0.0], [5.0, 0.0], [5.0, 8.0], [0.0, 8.0]]"),
            ("gw-shoes", "[[5.0, 3.0], [10.0, 3.0], [10.0, 8.0], [5.0, 8.0]]"),
        ] {
            let near = format!("near = \"{gateway}\"\nreach = \"department\"\n");
            assert!(zones.contains(&near), "{zones}");
            zones = zones.replace(&near, &format!("polygon-m = {corners}\n"));
        }
        shop.write("config/zones.toml", zones);
        shop
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Writes a file and says where it is.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        fs::write(self.path(name), content).unwrap();
        self.text(name)
    }

    /// A path as an argument.
    pub fn text(&self, name: &str) -> String {
        self.path(name).to_str().unwrap().to_owned()
    }

    /// `emma COMMAND… --config …`.
    pub fn emma(&self, arguments: &[&str]) -> Ended {
        self.emma_with(arguments, "")
    }

    pub fn emma_with(&self, arguments: &[&str], input: &str) -> Ended {
        let config = self.text("config");
        emma_with(&[arguments, &["--config", &config]].concat(), input)
    }
}

/// Customer `n`'s pseudonym.
pub fn customer(n: u8) -> String {
    format!("customer-{n:02}")
}

/// The UUID of customer `n`'s tag, as it is printed.
pub fn uuid(n: u8) -> String {
    format!("f7826da6-4fa2-4e98-8024-bc5b71e089{n:02x}")
}

/// A consent of customer `n`, one line.
pub fn consent(n: u8, epoch: u64) -> String {
    let (customer, uuid) = (customer(n), uuid(n));
    format!(
        r#"{{"customer":"{customer}","epoch":{epoch},"tier":"contextual","purposes":["offers"],"identifiers":[{{"ibeacon":{{"uuid":"{uuid}","major":1,"minor":2}}}}],"valid_from":"2026-01-01T00:00:00Z","valid_until":"2028-01-01T00:00:00Z","inbox":{{"push":"inbox-of-{n}-under-{epoch}"}},"language":"de"}}"#
    )
}

/// What `gateway` hears of customer `n`'s tag at `t` (seconds since 1970), one line.
pub fn heard(n: u8, gateway: &str, rssi_dbm: i8, t: i64) -> String {
    let uuid = uuid(n).replace('-', "");
    format!(
        r#"{{"t":{t}000000,"gateway":"{gateway}","address":"C0:FF:EE:00:00:01","address_type":"random","rssi":{rssi_dbm},"data":"0201061aff4c000215{uuid}00010002c5"}}"#
    )
}

/// Customer `n` stands among the shoes for `seconds`, from `from` on.
pub fn among_the_shoes(n: u8, from: i64, seconds: i64) -> String {
    let second =
        |t| [heard(n, "gw-shoes", -58, t), heard(n, "gw-entrance", -84, t), heard(n, "gw-till", -86, t)].join("\n");
    (from..from + seconds).map(second).map(|lines| lines + "\n").collect()
}
