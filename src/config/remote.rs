//! `[[remote]]`: scanners that publish what they hear over MQTT.

use super::Name;
use super::reader::Table;

/// A shop has one kind of scanner, or two while it changes over; each entry costs a subscription.
pub(super) const MOST_REMOTES: usize = 16;

/// How a scanner writes what it hears.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Format {
    /// `OpenMQTTGateway`, on an ESP32.
    OpenMqttGateway,
    /// Theengs Gateway, on a small computer.
    Theengs,
    /// `ESPresense`, on an ESP32.
    Espresense,
    /// Ruuvi Gateway.
    Ruuvi,
}

impl Format {
    /// Every format.
    pub const ALL: [Self; 4] = [Self::OpenMqttGateway, Self::Theengs, Self::Espresense, Self::Ruuvi];

    /// The word that names it, in gateway.toml and on every wire.
    pub fn word(self) -> &'static str {
        match self {
            Self::OpenMqttGateway => "openmqttgateway",
            Self::Theengs => "theengs",
            Self::Espresense => "espresense",
            Self::Ruuvi => "ruuvi",
        }
    }
}

/// One `[[remote]]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remote {
    /// How they write.
    pub format: Format,
    /// The topic filter under which they publish.
    pub topic: Name,
}

/// Reads one `[[remote]]`.
pub(super) fn read(mut table: Table<'_>) -> Option<Remote> {
    table.need("format", "\"openmqttgateway\"");
    table.need("topic", "\"home/+/BTtoMQTT/#\"");
    let format = table.choice("format", &Format::ALL.map(|format| (format.word(), format)));
    let topic = table.text("topic");
    if let Some(topic) = &topic
        && !is_filter(topic)
    {
        table.error(
            "topic",
            format!("`{topic}` is no topic filter"),
            "`+` stands for one whole level, `#` for all behind the last `/`",
        );
    }
    table.finish();
    Some(Remote { format: format?, topic: topic? })
}

/// Whether a broker takes `topic` as the filter of a subscription that is not shared and not of its own `$` tree
/// (MQTT 5, 4.7.1, 4.7.2).
fn is_filter(topic: &str) -> bool {
    let levels: Vec<&str> = topic.split('/').collect();
    let last = levels.len().saturating_sub(1);
    let legal = |(index, level): (usize, &&str)| match *level {
        "#" => index == last,
        "+" => true,
        level => !level.contains(['#', '+']),
    };
    !topic.starts_with('$') && levels.iter().enumerate().all(legal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_is_told_from_what_is_none() {
        for filter in ["home/+/BTtoMQTT/#", "ruuvi/#", "#", "+", "espresense/devices/+/+"] {
            assert!(is_filter(filter), "{filter}");
        }
        for other in ["home/#/BTtoMQTT", "home/x+", "home/#x", "$SYS/#", "$share/a/b"] {
            assert!(!is_filter(other), "{other}");
        }
    }
}
