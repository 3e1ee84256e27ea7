//! From a folder, or from texts in memory, to a checked configuration and everything that is wrong with it.

use std::fs;
use std::io::{ErrorKind, Read as _};
use std::path::Path;

use super::beside::Beside;
use super::file::File;
use super::problem::{Problem, Severity};
use super::{Config, coupon, crosscheck, gateway, offers, promise, site, zones};

/// The five files, in the order in which problems are told.
pub const FILES: [&str; 5] = ["gateway.toml", "site.toml", "zones.toml", "offers.toml", "promise.toml"];

/// The file that names others.
const OFFERS: &str = "offers.toml";

/// Far more than anybody writes by hand, in bytes; it bounds what a reload can cost.
const LARGEST: u64 = 1 << 20;

/// The language of plain texts in a shop that names none.
const DEFAULT_LANGUAGE: &str = "en";

/// What a Pi that only scans goes by in the place of files that it does not have: a shop of itself, in which nothing is said.
const SCANNER_PROMISE: &str = r#"
[caps]
customer = [{ at-most = 1, per = "1d" }]
[responsible]
controller = "-"
contact = "-"
withdraw = "-"
recipients = [{ id = "none", name = "-", purpose = "-" }]
"#;

/// What was found.
#[derive(Clone, Debug, PartialEq)]
pub struct Loaded {
    /// The checked configuration, unless a problem is an error.
    pub config: Option<Config>,
    /// What `gateway.toml` says, where it can be read: also beside errors, for whoever looks after a machine whose
    /// configuration is refused.
    pub gateway: Option<gateway::Gateway>,
    /// Everything that is wrong, in the order of [`FILES`], then by line.
    pub problems: Vec<Problem>,
}

impl Loaded {
    /// How many errors and how many warnings.
    pub fn counts(&self) -> (usize, usize) {
        let errors = self.problems.iter().filter(|problem| problem.is_error()).count();
        (errors, self.problems.len() - errors)
    }
}

/// The five files as texts, and the environment: what [`check`] needs no disk for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sources {
    /// `gateway.toml`.
    pub gateway: String,
    /// `site.toml`.
    pub site: String,
    /// `zones.toml`.
    pub zones: String,
    /// `offers.toml`.
    pub offers: String,
    /// `promise.toml`.
    pub promise: String,
    /// Variables by name and value; those without the prefix `EMMA_` do nothing.
    pub env: Vec<(String, String)>,
    /// What coupons name, by the file's name and its content.
    pub beside: Vec<(String, String)>,
}

impl Sources {
    /// The files that Emma ships.
    pub fn shipped() -> Self {
        let [gateway, site, zones, offers, promise] = FILES.map(|file| template(file).unwrap_or_default().to_owned());
        Self { gateway, site, zones, offers, promise, ..Self::default() }
    }
}

/// The commented file that Emma ships under this name.
pub fn template(file: &str) -> Option<&'static str> {
    match file {
        "gateway.toml" => Some(include_str!("../../config/gateway.toml")),
        "site.toml" => Some(include_str!("../../config/site.toml")),
        "zones.toml" => Some(include_str!("../../config/zones.toml")),
        "offers.toml" => Some(include_str!("../../config/offers.toml")),
        "promise.toml" => Some(include_str!("../../config/promise.toml")),
        _ => None,
    }
}

/// Checks texts; of the files that they name, those of coupons are looked for in `beside`, the others nowhere.
pub fn check(sources: &Sources) -> Loaded {
    let Sources { gateway, site, zones, offers, promise, env, beside } = sources;
    let texts = [gateway, site, zones, offers, promise].map(|text| Ok(text.clone()));
    check_texts(texts, env, &Beside::of_texts(beside))
}

/// Reads the five files in `folder` and the environment, and checks them together.
pub fn load(folder: &Path) -> Loaded {
    load_texts(folder, FILES.map(|name| read_text(folder, name)))
}

/// The same, as if `text` were the content of `file`.
pub fn load_with(folder: &Path, file: &str, text: &str) -> Loaded {
    let read = |name| if name == file { Ok(text.to_owned()) } else { read_text(folder, name) };
    load_texts(folder, FILES.map(read))
}

fn load_texts(folder: &Path, texts: [Result<String, Problem>; 5]) -> Loaded {
    // A value that is no text counts with its readable part, and is then refused by whoever reads the key.
    let env: Vec<(String, String)> = std::env::vars_os()
        .map(|(name, value)| (name.to_string_lossy().into_owned(), value.to_string_lossy().into_owned()))
        .filter(|(name, _)| name.starts_with("EMMA_"))
        .collect();
    check_texts(with_stand_ins(texts, &env, folder), &env, &Beside::in_folder(folder))
}

/// A Pi that only scans needs `gateway.toml` alone: the other files are what the decider goes by. Those that are there are
/// checked all the same.
fn with_stand_ins(
    mut texts: [Result<String, Problem>; 5],
    env: &[(String, String)],
    folder: &Path,
) -> [Result<String, Problem>; 5] {
    let own = texts[0].as_ref().ok().map(|text| File::new(FILES[0], text, env));
    let own = own.and_then(|file| gateway::read(&file, None).gateway).filter(|gateway| !gateway.decides);
    let Some(gateway::Gateway { site, gateway, .. }) = own else { return texts };
    let site = format!("name = \"{site}\"\ntime-zone = \"UTC\"\n[[gateway]]\nid = \"{gateway}\"\n");
    let stand_ins = [None, Some(site), Some(String::new()), Some(String::new()), Some(SCANNER_PROMISE.to_owned())];
    for ((text, name), stand_in) in texts.iter_mut().zip(FILES).zip(stand_ins) {
        let is_absent = text.is_err() && !folder.join(name).exists();
        if let Some(stand_in) = stand_in.filter(|_| is_absent) {
            *text = Ok(stand_in);
        }
    }
    texts
}

/// Tells one content of the five files in `folder`, and of what coupons name beside them, from another: 16 hex digits.
/// What cannot be read has a digest as well, so that it is looked at once and not again.
pub fn digest(folder: &Path) -> String {
    use sha2::{Digest as _, Sha256};
    let mut hash = Sha256::new();
    let mut add = |part: &[u8]| {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    };
    let beside = Beside::in_folder(folder);
    for name in FILES {
        let text = read_text(folder, name).unwrap_or_else(|problem| problem.what);
        add(text.as_bytes());
        for named in coupon::files_named(&text).iter().filter(|_| name == OFFERS) {
            add(&beside.read(named, "").map_or_else(|(what, _)| what.into_bytes(), |found| found.bytes));
        }
    }
    hex::encode(hash.finalize().first_chunk::<8>().copied().unwrap_or_default())
}

/// The text of a file of `folder`.
///
/// # Errors
/// What stands in the way, and what to do.
pub fn read_text(folder: &Path, name: &'static str) -> Result<String, Problem> {
    let refuse = |what: String, hint: String| {
        Err(Problem { file: name, line: None, line_text: String::new(), severity: Severity::Error, what, hint })
    };
    let path = folder.join(name);
    let mut bytes = Vec::new();
    match fs::File::open(&path).and_then(|file| file.take(LARGEST + 1).read_to_end(&mut bytes)) {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return refuse("there is no such file".to_owned(), format!("emma config {name} > {}", path.display()));
        }
        Err(error) => {
            return refuse(
                format!("it cannot be read: {error}"),
                "it must be a file that Emma's own user may read".to_owned(),
            );
        }
        Ok(_) => {}
    }
    if bytes.len() as u64 > LARGEST {
        return refuse("it is larger than 1 MiB".to_owned(), "a file of this folder is written by hand".to_owned());
    }
    String::from_utf8(bytes).or_else(|error| {
        let valid = error.as_bytes().get(..error.utf8_error().valid_up_to()).unwrap_or_default();
        let line = valid.split(|byte| *byte == b'\n').count();
        refuse(format!("it is not UTF-8 text, from line {line} on"), "save it as UTF-8".to_owned())
    })
}

fn check_texts(texts: [Result<String, Problem>; 5], env: &[(String, String)], beside: &Beside<'_>) -> Loaded {
    let texts = texts.map(|text| match text {
        Ok(text) if text.len() as u64 > LARGEST => Err(Problem {
            file: "",
            line: None,
            line_text: String::new(),
            severity: Severity::Error,
            what: "it is larger than 1 MiB".to_owned(),
            hint: "a file of this folder is written by hand".to_owned(),
        }),
        other => other,
    });
    let mut index = 0;
    let files = texts.each_ref().map(|text| {
        let name = FILES[index];
        let variables = if index == 0 { env } else { &[] };
        index += 1;
        text.as_ref().ok().map(|text| File::new(name, text, variables))
    });
    let (gateway, config) = check_files(&files, beside);
    let mut problems = Vec::new();
    for ((file, text), name) in files.into_iter().zip(&texts).zip(FILES) {
        match (file, text) {
            (Some(file), _) => problems.extend(file.into_problems()),
            (None, Err(problem)) => problems.push(Problem { file: name, ..problem.clone() }),
            (None, Ok(_)) => {}
        }
    }
    let is_refused = problems.iter().any(Problem::is_error);
    Loaded { config: if is_refused { None } else { config }, gateway, problems }
}

/// Reads every file that there is, then holds them against each other. `gateway.toml` by itself, and all together.
fn check_files(files: &[Option<File<'_>>; 5], beside: &Beside<'_>) -> (Option<gateway::Gateway>, Option<Config>) {
    let [gateway_file, site_file, zones_file, offers_file, promise_file] = files.each_ref().map(Option::as_ref);
    let site = site_file.map(site::read);
    let language = site.as_ref().and_then(|site| site.language.clone());
    let language = language.as_deref().unwrap_or(DEFAULT_LANGUAGE);
    // A file with gaps may hold what others mention, so it is not asked what it knows.
    let whole = |file: Option<&File<'_>>| file.is_some_and(|file| !file.has_gaps());
    let gateway_ids = site.as_ref().filter(|_| whole(site_file)).map(site::Read::gateway_ids);

    let gateway = gateway_file.map(|file| gateway::read(file, beside.folder()));
    let anchors = site.as_ref().filter(|_| whole(site_file)).map(site::Read::anchors);
    let zones = zones_file.map(|file| zones::read(file, anchors.as_deref(), language));
    let offers = offers_file.map(|file| offers::read(file, language, beside));
    let promise = promise_file.and_then(|file| promise::read(file, language));

    if let (Some(file), Some(gateway)) = (gateway_file, &gateway) {
        crosscheck::gateway_in_site(file, gateway, gateway_ids.as_deref());
        crosscheck::remotes_in_site(file, gateway, site.as_ref().filter(|_| whole(site_file)));
    }
    if let (Some(file), Some(zones)) = (zones_file, &zones) {
        let categories = offers.as_ref().filter(|_| whole(offers_file)).map(offers::Read::category_ids);
        crosscheck::zones_in_offers(file, zones, categories.as_deref());
        if let Some(site_file) = site_file {
            crosscheck::zones_in_site(file, site_file, zones, site.as_ref().filter(|_| whole(Some(site_file))));
        }
    }
    if let (Some(file), Some(offers)) = (offers_file, &offers) {
        let zones = zones.as_ref().filter(|_| whole(zones_file));
        crosscheck::offers_in_zones(file, offers, zones);
        crosscheck::kinds_in_zones(file, offers, zones);
        if let Some(promise) = &promise {
            crosscheck::offers_in_promise(file, offers, &promise.caps);
        }
    }
    let gateway = gateway.and_then(|read| read.gateway);
    let config = || {
        Some(Config {
            gateway: gateway.clone()?,
            site: site?.site?,
            zones: zones?.into_zones()?,
            offers: offers?.into_offers()?,
            promise: promise?,
        })
    };
    let config = config();
    (gateway, config)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCANNER: &str = "site = 'a'\ngateway = 'b'\nroles = ['scan']\n[shop-mqtt]\nurl = 'mqtt://10.0.0.5'\n";

    #[test]
    fn a_pi_that_only_scans_needs_gateway_toml_alone() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("gateway.toml"), SCANNER).unwrap();
        let loaded = load(dir.path());
        assert_eq!(loaded.problems, []);
        let config = loaded.config.unwrap();
        assert!(!config.gateway.decides && config.site.gateway("b").is_some());
        fs::write(dir.path().join("site.toml"), "name = 7\n").unwrap();
        assert!(load(dir.path()).config.is_none(), "what is there is checked");
        fs::remove_file(dir.path().join("site.toml")).unwrap();
        fs::write(dir.path().join("gateway.toml"), SCANNER.replace("['scan']", "['decide']")).unwrap();
        assert_eq!(load(dir.path()).counts().0, 4, "whoever decides needs the others");
    }
}
