//! What is known of bluetoothd and its adapters, kept up by the reader of the bus and watched by whoever keeps an adapter.

use std::collections::BTreeMap;

use tokio::sync::watch;
use zbus::Connection;

use super::wire;

/// What became of a registered monitor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Monitor {
    /// The kernel scans for it.
    Active,
    /// bluetoothd has let it go.
    Released,
}

/// What is known of an adapter.
#[derive(Clone, Debug, Default)]
pub(super) struct Adapter {
    pub(super) powered: bool,
    pub(super) discovering: bool,
    /// How often that has ended: one who looks too late to have seen it begin sees this.
    pub(super) scans_ended: u64,
    /// Of the monitor that was registered last: its number, and what became of it.
    pub(super) monitor: Option<(u64, Monitor)>,
}

/// What is known.
#[derive(Clone, Debug)]
pub(super) struct Facts {
    /// The connection to the system's bus, while there is one.
    pub(super) bus: Option<Connection>,
    /// The unique name of bluetoothd on it, while it runs.
    pub(super) owner: Option<String>,
    /// Whether the adapters have been asked for.
    pub(super) listed: bool,
    /// The adapters by name.
    pub(super) adapters: BTreeMap<String, Adapter>,
    /// Why nothing is known, while that is so; empty while it is being asked for.
    pub(super) trouble: String,
}

impl Facts {
    pub(super) fn none(trouble: &str) -> Self {
        Self { bus: None, owner: None, listed: false, adapters: BTreeMap::new(), trouble: trouble.to_owned() }
    }

    /// bluetoothd has come, gone or been replaced: nothing of before holds.
    pub(super) fn owned_by(&mut self, owner: Option<&str>) {
        let before = std::mem::replace(&mut self.owner, owner.map(str::to_owned));
        self.listed = false;
        self.adapters.clear();
        let trouble = match (&before, &self.owner) {
            (_, None) => "bluetoothd does not run",
            (Some(_), Some(_)) => "bluetoothd was started again",
            // It is about to be asked.
            (None, Some(_)) => "",
        };
        trouble.clone_into(&mut self.trouble);
    }

    /// Takes what is said of an adapter, new or known.
    pub(super) fn hear_of(&mut self, name: &str, said: wire::Adapter) {
        let adapter = self.adapters.entry(name.to_owned()).or_default();
        adapter.powered = said.powered.unwrap_or(adapter.powered);
        adapter.scans_ended += u64::from(adapter.discovering && said.discovering == Some(false));
        adapter.discovering = said.discovering.unwrap_or(adapter.discovering);
    }

    /// The names of the adapters: hci2 comes before hci10.
    pub(super) fn names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.adapters.keys().map(String::as_str).collect();
        names.sort_by_key(|name| (name.len(), *name));
        names
    }

    /// Why there is no adapter, or not the one `wanted`.
    pub(super) fn absence(&self, wanted: Option<&str>) -> String {
        let present = if self.adapters.is_empty() { "none".to_owned() } else { self.names().join(", ") };
        match wanted {
            _ if !self.listed => self.trouble.clone(),
            Some(wanted) => format!("there is no adapter {wanted}; there is {present}"),
            None => "there is no Bluetooth adapter".to_owned(),
        }
    }
}

/// Changes what is known of one adapter, and wakes whoever watches if it is known and `change` says so.
pub(super) fn change_adapter(facts: &watch::Sender<Facts>, name: &str, change: impl FnOnce(&mut Adapter) -> bool) {
    facts.send_if_modified(|facts| facts.adapters.get_mut(name).is_some_and(change));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(names: &[&str]) -> Facts {
        let mut facts = Facts { listed: true, ..Facts::none("") };
        for name in names {
            facts.hear_of(name, wire::Adapter::default());
        }
        facts
    }

    #[test]
    fn what_is_not_there_is_answered_with_what_there_is() {
        assert_eq!(known(&["hci10", "hci2"]).absence(Some("hci7")), "there is no adapter hci7; there is hci2, hci10");
        assert_eq!(known(&[]).absence(Some("hci7")), "there is no adapter hci7; there is none");
        assert_eq!(known(&[]).absence(None), "there is no Bluetooth adapter");
    }

    #[test]
    fn a_scan_that_ended_is_seen_by_who_did_not_see_it_begin() {
        let mut facts = known(&["hci0"]);
        for discovering in [Some(false), Some(true), None, Some(false)] {
            facts.hear_of("hci0", wire::Adapter { powered: None, discovering });
        }
        assert_eq!(facts.adapters["hci0"].scans_ended, 1);
    }

    #[test]
    fn a_new_bluetoothd_knows_nothing_of_the_old_ones_adapters() {
        let mut facts = known(&["hci0"]);
        facts.owned_by(Some(":1.7"));
        assert!(!facts.listed && facts.adapters.is_empty());
        facts.owned_by(None);
        assert_eq!(facts.absence(Some("hci0")), "bluetoothd does not run");
    }
}
