//! How Home Assistant learns of a gateway, where a shop wants that: one retained message, said at every connect, that names
//! the topics of its state and health and where in them each value stands. Nothing of customers is in either.
//!
//! The form is that of its device discovery: <https://www.home-assistant.io/integrations/mqtt/#device-discovery-payload>.

use serde_json::{Value, json};

use super::client::{Publication, Qos};
use super::connection::json_message;
use crate::config::gateway::HomeAssistant;

/// Whose values they are.
pub(super) struct Device<'a> {
    pub(super) site: &'a str,
    pub(super) gateway: &'a str,
    pub(super) state_topic: String,
    pub(super) health_topic: String,
}

impl Device<'_> {
    /// What is said; nothing where nobody has said whether it is wanted. An empty message takes back what an earlier life
    /// said: Home Assistant then forgets the device.
    pub(super) fn message(&self, wish: &HomeAssistant) -> Option<Publication> {
        let payload = if wish.discovery? { self.describe().to_string() } else { String::new() };
        let topic = format!("{}/device/{}/config", wish.prefix, self.id());
        Some(json_message(topic, payload, Qos::AtMostOnce, true))
    }

    /// Home Assistant takes no dot there.
    fn id(&self) -> String {
        format!("emma_{}_{}", self.site, self.gateway).replace('.', "-")
    }

    fn describe(&self) -> Value {
        let version = env!("CARGO_PKG_VERSION");
        let (state, health) = (&self.state_topic, &self.health_topic);
        let count =
            |name: &str, path: &str| self.sensor(name, health, path, &json!({"state_class": "total_increasing"}));
        let depth = json!({"state_class": "measurement"});
        let age = json!({"device_class": "duration", "unit_of_measurement": "s"});
        let clock = json!({"device_class": "enum", "options": ["synchronised", "assumed", "untrusted"]});
        let online = json!({"device_class": "connectivity", "payload_on": "online", "payload_off": "offline"});
        // A boolean of JSON is a Python one in a template.
        let scanning = json!({"device_class": "running", "payload_on": "True", "payload_off": "False"});
        json!({
            "device": {
                "identifiers": [self.id()],
                "name": format!("Emma {} ({})", self.gateway, self.site),
                "model": "BLE proximity gateway",
                "sw_version": version,
            },
            "origin": {"name": "Emma", "sw_version": version},
            "components": {
                "online": self.component("binary_sensor", "Online", state, "state", &online),
                "scanning": self.while_online("binary_sensor", "Scanning", state, "radio.scanning", &scanning),
                "clock": self.sensor("Clock", state, "clock", &clock),
                "outbox_depth": self.sensor("Outbox depth", health, "outbox.depth", &depth),
                "outbox_age": self.sensor("Outbox age", health, "outbox.oldest_age_secs", &age),
                "heard": count("Advertisements heard", "heard"),
                "dropped": count("Advertisements dropped", "dropped"),
            },
        })
    }

    fn sensor(&self, name: &str, topic: &str, path: &str, more: &Value) -> Value {
        self.while_online("sensor", name, topic, path, more)
    }

    /// What was last said of somebody who is gone is not so any more.
    fn while_online(&self, platform: &str, name: &str, topic: &str, path: &str, more: &Value) -> Value {
        let available = json!({
            "availability_topic": self.state_topic,
            "availability_template": "{{ value_json.state }}",
        });
        joined(self.component(platform, name, topic, path, more), &available)
    }

    fn component(&self, platform: &str, name: &str, topic: &str, path: &str, more: &Value) -> Value {
        let id = name.to_lowercase().replace(' ', "_");
        let component = json!({
            "platform": platform,
            "name": name,
            "unique_id": format!("{}_{id}", self.id()),
            "entity_category": "diagnostic",
            "state_topic": topic,
            "value_template": format!("{{{{ value_json.{path} }}}}"),
        });
        joined(component, more)
    }
}

fn joined(mut component: Value, more: &Value) -> Value {
    if let (Some(component), Some(more)) = (component.as_object_mut(), more.as_object()) {
        component.extend(more.clone());
    }
    component
}
