//! What a notice says, as data: written from a configuration, kept beside the notice as JSON, compared with a later one.
//!
//! The JSON is a contract: a data protection officer keeps it for years. Fields are only ever added, and one that says
//! nothing is left out, so that a newer Emma gives an unchanged shop the same version.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::kept::{Kept, kept};
use crate::config::offers::{Campaign, Class};
use crate::config::zones::DayRange;
use crate::config::{Config, Name, Texts, promise};

/// How many bytes of a digest tell one notice from another, twice as many digits: a shop has a handful in its life, and
/// people read them to each other.
const VERSION_LEN: usize = 4;

/// A text by language.
pub type Names = BTreeMap<String, String>;

/// Everything that a notice says of one shop.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub struct Facts {
    /// Eight hex digits, a digest of everything below: another content is another version.
    pub version: String,
    /// Which Emma wrote it.
    pub emma: String,
    /// The shop's name.
    pub shop: String,
    /// The controller, name and address, in the shop's language.
    pub controller: String,
    /// The same by language, where it is in several.
    #[serde(skip_serializing_if = "Names::is_empty")]
    pub controller_in: Names,
    /// Where to write.
    pub contact: String,
    /// The supervisory authority, in the shop's language.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authority: Option<String>,
    /// The same by language, where it is in several.
    #[serde(skip_serializing_if = "Names::is_empty")]
    pub authority_in: Names,
    /// How to say no, by language.
    pub withdraw: Names,
    /// Where the notice is read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub notice_url: Option<String>,
    /// Who gets offers to pass on.
    pub recipients: Vec<Recipient>,
    /// Only adults may take part.
    #[serde(skip_serializing_if = "is_false")]
    pub adults_only: bool,
    /// The promise's caps.
    pub caps: Caps,
    /// From and until, as `21:00`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quiet_hours: Option<[String; 2]>,
    /// Nothing is said outside the shop's opening hours.
    #[serde(skip_serializing_if = "is_false")]
    pub opening_hours: bool,
    /// The kinds of messages: `offer`, `reward`, `service`.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub classes: BTreeSet<String>,
    /// What offers are chosen by, of what customers declared: `interests`, `price-band`, `wishes`.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub audience: BTreeSet<String>,
    /// Some campaign has a control group.
    #[serde(skip_serializing_if = "is_false")]
    pub control_groups: bool,
    /// Some text names a live value.
    #[serde(skip_serializing_if = "is_false")]
    pub live_values: bool,
    /// The areas that are told apart.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub zones: Vec<Zone>,
    /// What is sold.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub categories: Vec<Category>,
    /// What listens, and how it reaches Emma.
    pub hearing: Hearing,
    /// Shops share what they have said.
    #[serde(skip_serializing_if = "is_false")]
    pub shared_ledger: bool,
    /// What is kept, and for how long.
    pub kept: Vec<Kept>,
}

/// Who gets offers to pass on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Recipient {
    /// Its id.
    pub id: String,
    /// Its name, in the shop's language.
    pub name: String,
    /// The same by language, where it is in several.
    #[serde(skip_serializing_if = "Names::is_empty")]
    pub name_in: Names,
    /// What it does with an offer, by language.
    pub purpose: Names,
}

/// The caps of promise.toml.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "the names are those of promise.toml")]
pub struct Caps {
    pub customer: Vec<Cap>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub visit: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gap: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub campaign: Vec<Cap>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub category: Vec<Cap>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub zone: Vec<Cap>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub site: Vec<Cap>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub service: Vec<Cap>,
}

/// At most N in any rolling window; without one, for as long as the consent is remembered.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "the names are those of promise.toml")]
pub struct Cap {
    pub at_most: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per: Option<String>,
}

/// An area.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Zone {
    /// Its id.
    pub id: String,
    /// Its name by language.
    pub name: Names,
    /// Nobody is placed there.
    #[serde(skip_serializing_if = "is_false")]
    pub sensitive: bool,
}

/// A kind of goods.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Category {
    /// Its id.
    pub id: String,
    /// Its name by language.
    #[serde(skip_serializing_if = "Names::is_empty")]
    pub name: Names,
    /// Only for those who named it.
    #[serde(skip_serializing_if = "is_false")]
    pub sensitive: bool,
    /// How long whoever bought is left in peace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replacement_interval: Option<String>,
}

/// What listens, and how it reaches Emma.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Hearing {
    /// How many receivers hang in the shop.
    pub receivers: usize,
    /// Some of them are scanners that pass on everything they hear, over the shop's own network (`inside`) or another
    /// (`outside`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remote: Option<String>,
    /// Several Pis hear for the one that decides.
    #[serde(skip_serializing_if = "is_false")]
    pub between_pis: bool,
    /// The shop has beacons of its own, so that a phone can say which it hears.
    #[serde(skip_serializing_if = "is_false")]
    pub phones: bool,
    /// Recordings are played as if they were live: a test bench.
    #[serde(skip_serializing_if = "is_false")]
    pub playback: bool,
}

/// There is nobody to write a notice for.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoNotice {
    /// Nobody is said to be responsible.
    #[error(
        "promise.toml does not say who is responsible, and a notice has to. Write there, in your own words:\n\n\
         [responsible]\n\
         controller = \"Corner Shop Ltd, 1 High Street, 3011 Bern\"\n\
         contact = \"privacy@corner-shop.example\"\n\
         authority = \"EDÖB, Bern\"          # where a customer can complain\n\
         withdraw = \"https://corner-shop.example/emma or at the till\"\n\
         recipients = [{{ id = \"push\", name = \"Corner Shop App\", purpose = \"shows you the offer\" }}]"
    )]
    NobodyResponsible,
    /// The promise, the offers and the ledger are elsewhere.
    #[error(
        "this Pi only scans, and what is done with what it hears is decided elsewhere: write the notice on the Pi that decides"
    )]
    OnlyScans,
}

impl Facts {
    /// What is true of Emma under this configuration.
    ///
    /// # Errors
    /// The configuration says nothing that a notice could be made of.
    pub fn of(config: &Config) -> Result<Self, NoNotice> {
        if !config.gateway.decides {
            return Err(NoNotice::OnlyScans);
        }
        let responsible = config.promise.responsible.as_ref().ok_or(NoNotice::NobodyResponsible)?;
        let promise = &config.promise;
        let campaigns = &config.offers.campaigns;
        let mut facts = Self {
            version: String::new(),
            emma: String::new(),
            shop: config.site.name.to_string(),
            controller: of_shop(&responsible.controller, config),
            controller_in: each(&responsible.controller),
            contact: responsible.contact.to_string(),
            authority: responsible.authority.as_ref().map(|authority| of_shop(authority, config)),
            authority_in: responsible.authority.as_ref().map(each).unwrap_or_default(),
            withdraw: names(&responsible.withdraw),
            notice_url: responsible.notice_url.as_deref().map(str::to_owned),
            recipients: responsible.recipients.iter().map(|entry| recipient(entry, config)).collect(),
            adults_only: promise.adults_only,
            caps: caps(&promise.caps),
            quiet_hours: promise.quiet_hours.map(hours),
            opening_hours: config.zones.opening_hours.is_some(),
            classes: campaigns.iter().map(|campaign| class_word(campaign.class).to_owned()).collect(),
            audience: campaigns.iter().flat_map(audience).map(str::to_owned).collect(),
            control_groups: campaigns.iter().any(|campaign| campaign.control_share > 0.0),
            live_values: campaigns.iter().any(|campaign| !campaign.values.is_empty()),
            zones: config.zones.zones.iter().map(zone).collect(),
            categories: config.offers.categories.iter().map(category).collect(),
            hearing: hearing(config),
            // A ledger that shops share is not in force in this version, whatever is configured.
            shared_ledger: false,
            kept: kept(config),
        };
        facts.version = facts.digest();
        Ok(Self { emma: env!("CARGO_PKG_VERSION").to_owned(), ..facts })
    }

    /// The digest that is the version: of what is said, not of who wrote it.
    pub fn digest(&self) -> String {
        let bare = Self { version: String::new(), emma: String::new(), ..self.clone() };
        // Nothing in it can fail to be written: there are texts, numbers and lists.
        let text = serde_json::to_vec(&bare).unwrap_or_default();
        hex::encode(Sha256::digest(text).first_chunk::<VERSION_LEN>().unwrap_or(&[0; VERSION_LEN]))
    }

    /// The words of a file, for people and programs, with its last line ended.
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).unwrap_or_default() + "\n"
    }

    /// What a file of former facts says.
    ///
    /// # Errors
    /// It is no such file, in words that say what to do.
    pub fn from_json(text: &str) -> Result<Self, String> {
        let facts: Self = serde_json::from_str(text.trim_start_matches('\u{feff}'))
            .map_err(|error| format!("this is not what `emma notice --facts` writes: {error}"))?;
        if facts.version.is_empty() || facts.controller.is_empty() {
            return Err(
                "this is not what `emma notice --facts` writes: it has no `version`, or no `controller`".to_owned()
            );
        }
        Ok(facts)
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_false(flag: &bool) -> bool {
    !flag
}

fn recipient(recipient: &promise::Recipient, config: &Config) -> Recipient {
    let promise::Recipient { id, name, purpose } = recipient;
    Recipient { id: id.to_string(), name: of_shop(name, config), name_in: each(name), purpose: names(purpose) }
}

/// A text in the shop's language, else in the first it has.
fn of_shop(texts: &Texts, config: &Config) -> String {
    let theirs = config.site.language.as_ref().and_then(|language| texts.get(language));
    theirs.or_else(|| texts.values().next()).map(ToString::to_string).unwrap_or_default()
}

/// A text by language, where it is in several: a shop that has one of each keeps its version.
fn each(texts: &Texts) -> Names {
    if texts.len() > 1 { names(texts) } else { Names::new() }
}

fn caps(caps: &promise::Caps) -> Caps {
    let list = |caps: &[promise::Cap]| -> Vec<Cap> {
        caps.iter().map(|cap| Cap { at_most: cap.at_most, per: cap.per.map(|per| per.to_string()) }).collect()
    };
    Caps {
        customer: list(&caps.customer),
        visit: caps.visit,
        gap: caps.gap.map(|gap| gap.to_string()),
        campaign: list(&caps.campaign),
        category: list(&caps.category),
        zone: list(&caps.zone),
        site: list(&caps.site),
        service: list(&caps.service),
    }
}

fn hours(range: DayRange) -> [String; 2] {
    [range.start_min, range.end_min].map(|minute| format!("{:02}:{:02}", minute / 60, minute % 60))
}

fn class_word(class: Class) -> &'static str {
    match class {
        Class::Offer => "offer",
        Class::Reward => "reward",
        Class::Service => "service",
    }
}

fn audience(campaign: &Campaign) -> impl Iterator<Item = &'static str> {
    let audience = &campaign.audience;
    let asked = [
        ("interests", !audience.interests.is_empty()),
        ("price-band", !audience.price_bands.is_empty()),
        ("wishes", audience.wishes),
    ];
    asked.into_iter().filter(|(_, asks)| *asks).map(|(word, _)| word)
}

fn names(texts: &Texts) -> Names {
    texts.iter().map(|(language, name): (&Name, &Name)| (language.to_string(), name.to_string())).collect()
}

fn zone(zone: &crate::config::zones::Zone) -> Zone {
    Zone { id: zone.id.to_string(), name: names(&zone.name), sensitive: zone.sensitive }
}

fn category(category: &crate::config::offers::Category) -> Category {
    Category {
        id: category.id.to_string(),
        name: names(&category.name),
        sensitive: category.sensitive,
        replacement_interval: category.replacement_interval.map(|interval| interval.to_string()),
    }
}

fn hearing(config: &Config) -> Hearing {
    let gateway = &config.gateway;
    let way = if gateway.shop_mqtt.is_some() { "inside" } else { "outside" };
    Hearing {
        receivers: config.site.gateways.len(),
        remote: (!gateway.remotes.is_empty()).then(|| way.to_owned()),
        between_pis: gateway.shop_mqtt.is_some() && config.site.gateways.len() > 1,
        phones: !config.site.fixed_beacons.is_empty(),
        playback: gateway.playback.is_some(),
    }
}
