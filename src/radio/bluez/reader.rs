//! Reads the bus: what is said of devices goes to whoever hears, what is said of bluetoothd and its adapters into the
//! facts, and what bluetoothd asks of our own objects is answered. It waits for nobody, so no queue below it fills.

use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use futures::{FutureExt, StreamExt};
use tokio::time::timeout;
use zbus::message::{Flags, Header, Type};
use zbus::names::{InterfaceName, MemberName};
use zbus::{Connection, Message, MessageStream, ObjectPath};

use super::Shared;
use super::bus::{CALL_TIMEOUT, To, call};
use super::facts::{self, Monitor};
use super::hearing::Hearing;
use super::monitor;
use super::wire::{self, ADAPTER, BLUEZ, DBUS, DEVICE, Device, Interfaces, OBJECT_MANAGER, PROPERTIES};

/// So many devices are asked for at once. Only those are that bluetoothd knew before we listened; one that has to wait is
/// asked for at its next report.
const MOST_ASKED: usize = 16;

type Answer = (String, Option<Message>);

/// The reader of one connection.
pub(super) struct Reader<'a> {
    bus: &'a Connection,
    shared: &'a Shared,
    asked: FuturesUnordered<BoxFuture<'a, Answer>>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(bus: &'a Connection, shared: &'a Shared) -> Self {
        Self { bus, shared, asked: FuturesUnordered::new() }
    }

    /// Reads until the connection has ended.
    pub(super) async fn read(mut self, mut messages: MessageStream) {
        loop {
            tokio::select! {
                message = messages.next() => match message {
                    Some(Ok(message)) => self.take(&message).await,
                    Some(Err(_)) | None => return,
                },
                Some((path, answer)) = self.asked.next(), if !self.asked.is_empty() => self.told(&path, answer.as_ref()),
            }
        }
    }

    async fn take(&mut self, message: &Message) {
        let header = message.header();
        match header.message_type() {
            Type::Signal if interface(&header) == DBUS => self.name_changed(message, &header),
            _ if !self.is_from_bluetoothd(&header) => {}
            Type::Signal => self.signal(message, &header),
            Type::MethodCall => self.called(message, &header).await,
            Type::MethodReturn | Type::Error => {}
        }
    }

    /// Nobody else is listened to.
    fn is_from_bluetoothd(&self, header: &Header<'_>) -> bool {
        header.sender().is_some_and(|sender| Some(sender.as_str()) == self.shared.facts.borrow().owner.as_deref())
    }

    /// The bus itself says that bluetoothd has come or gone.
    fn name_changed(&mut self, message: &Message, header: &Header<'_>) {
        let is_the_buss = header.sender().is_some_and(|sender| sender.as_str() == DBUS);
        if !is_the_buss || member(header) != "NameOwnerChanged" {
            return;
        }
        let body = message.body();
        let Ok((BLUEZ, _, owner)) = body.deserialize::<(&str, &str, &str)>() else { return };
        let owner = Some(owner).filter(|owner| !owner.is_empty());
        self.shared.facts.send_modify(|facts| facts.owned_by(owner));
    }

    fn signal(&mut self, message: &Message, header: &Header<'_>) {
        let path = header.path().map(ObjectPath::as_str).unwrap_or_default();
        match (interface(header), member(header)) {
            (PROPERTIES, "PropertiesChanged") => self.properties_changed(message, path),
            (OBJECT_MANAGER, "InterfacesAdded") => self.added(message),
            (OBJECT_MANAGER, "InterfacesRemoved") => self.removed(message),
            _ => {}
        }
    }

    fn properties_changed(&mut self, message: &Message, path: &str) {
        let body = message.body();
        if let Some((adapter, address)) = wire::device_of(path) {
            let said = body.deserialize::<(&str, Device<'_>, Vec<&str>)>().ok().filter(|said| said.0 == DEVICE);
            let ask = self.hear(adapter, |hearing| {
                let Some((_, device, _)) = &said else {
                    hearing.reject();
                    return false;
                };
                hearing.changed(address, device)
            });
            if ask {
                self.ask(path);
            }
        } else if let Some(adapter) = wire::adapter_of(path)
            && let Ok((ADAPTER, said, _)) = body.deserialize::<(&str, wire::Adapter, Vec<&str>)>()
        {
            self.shared.facts.send_modify(|facts| {
                if facts.adapters.contains_key(adapter) {
                    facts.hear_of(adapter, said);
                }
            });
        }
    }

    fn added(&mut self, message: &Message) {
        let body = message.body();
        let Ok((path, interfaces)) = body.deserialize::<(ObjectPath<'_>, Interfaces<'_>)>() else {
            return;
        };
        if let (Some((adapter, address)), Some(device)) = (wire::device_of(&path), interfaces.device) {
            self.hear(adapter, |hearing| hearing.told(address, &device, false));
        } else if let (Some(adapter), Some(said)) = (wire::adapter_of(&path), interfaces.adapter) {
            self.shared.facts.send_modify(|facts| facts.hear_of(adapter, said));
        }
    }

    fn removed(&mut self, message: &Message) {
        let body = message.body();
        let Ok((path, interfaces)) = body.deserialize::<(ObjectPath<'_>, Vec<&str>)>() else { return };
        if let Some((adapter, address)) = wire::device_of(&path).filter(|_| interfaces.contains(&DEVICE)) {
            self.hear(adapter, |hearing| hearing.gone(address));
        } else if let Some(adapter) = wire::adapter_of(&path).filter(|_| interfaces.contains(&ADAPTER)) {
            self.shared.facts.send_if_modified(|facts| facts.adapters.remove(adapter).is_some());
        }
    }

    /// bluetoothd calls one of our objects; what it only tells it wants no answer to.
    async fn called(&mut self, message: &Message, header: &Header<'_>) {
        let path = header.path().map(ObjectPath::as_str).unwrap_or_default();
        let object = monitor::object_of(path);
        match (object, member(header)) {
            (Some((adapter, number, true)), "Activate") => self.monitor_is(adapter, number, Monitor::Active),
            (Some((adapter, number, true)), "Release") => self.monitor_is(adapter, number, Monitor::Released),
            (Some((_, _, true)), "DeviceFound") => self.found(message),
            _ => {}
        }
        if message.primary_header().flags().contains(Flags::NO_REPLY_EXPECTED) {
            return;
        }
        let answer = match (object, member(header)) {
            (Some((_, _, false)), "GetManagedObjects") => Message::method_return(header).build(&monitor::objects(path)),
            (Some((_, _, true)), "GetAll") => Message::method_return(header).build(&monitor::properties()),
            (Some((_, _, true)), "Activate" | "Release" | "DeviceFound" | "DeviceLost") => {
                Message::method_return(header).build(&())
            }
            _ => Message::error(header, "org.freedesktop.DBus.Error.UnknownMethod").build(&()),
        };
        if let Ok(answer) = answer {
            // A bus that takes no answer is gone, and the stream says so next.
            timeout(CALL_TIMEOUT, self.bus.send(&answer)).await.ok();
        }
    }

    fn monitor_is(&self, adapter: &str, number: u64, fate: Monitor) {
        facts::change_adapter(&self.shared.facts, adapter, |known| {
            let is_newer = known.monitor.is_none_or(|(of, _)| of <= number);
            if is_newer {
                known.monitor = Some((number, fate));
            }
            is_newer
        });
    }

    fn found(&mut self, message: &Message) {
        let body = message.body();
        let Ok(path) = body.deserialize::<ObjectPath<'_>>() else { return };
        if let Some((adapter, address)) = wire::device_of(&path)
            && self.hear(adapter, |hearing| hearing.found(address))
        {
            self.ask(&path);
        }
    }

    /// Asks for everything that bluetoothd knows of a device.
    fn ask(&mut self, path: &str) {
        if self.asked.len() < MOST_ASKED {
            let (bus, path) = (self.bus, path.to_owned());
            self.asked.push(
                async move {
                    let to = To(BLUEZ, &path, PROPERTIES);
                    let answer = call(bus, "ask for a device", to, "GetAll", &(DEVICE,)).await.ok();
                    (path, answer)
                }
                .boxed(),
            );
        }
    }

    fn told(&mut self, path: &str, answer: Option<&Message>) {
        let Some((adapter, address)) = wire::device_of(path) else { return };
        let Some(body) = answer.map(Message::body) else { return };
        if let Ok(device) = body.deserialize::<Device<'_>>() {
            self.hear(adapter, |hearing| hearing.told(address, &device, true));
        }
    }

    /// Does that with what the adapter hears, if anybody listens to it.
    fn hear<T: Default>(&self, adapter: &str, act: impl FnOnce(&mut Hearing) -> T) -> T {
        self.shared.ears().get_mut(adapter).map(act).unwrap_or_default()
    }
}

fn interface<'m>(header: &'m Header<'_>) -> &'m str {
    header.interface().map(InterfaceName::as_str).unwrap_or_default()
}

fn member<'m>(header: &'m Header<'_>) -> &'m str {
    header.member().map(MemberName::as_str).unwrap_or_default()
}
