//! A wire between a client and its broker that keeps every byte which the client says.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// Listens at `port` for as long as the process lives.
pub(crate) struct Tap {
    pub(crate) port: u16,
    said: Arc<Mutex<Vec<u8>>>,
}

impl Tap {
    pub(crate) fn on(broker_port: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let said: Arc<Mutex<Vec<u8>>> = Arc::default();
        let kept = said.clone();
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let Ok(broker) = TcpStream::connect(("127.0.0.1", broker_port)) else { continue };
                let back = (broker.try_clone().unwrap(), client.try_clone().unwrap());
                let kept = kept.clone();
                thread::spawn(move || pass_on(client, broker, |bytes| kept.lock().unwrap().extend(bytes)));
                thread::spawn(move || pass_on(back.0, back.1, |_| ()));
            }
        });
        Self { port, said }
    }

    /// Everything that clients have said so far.
    pub(crate) fn said(&self) -> Vec<u8> {
        self.said.lock().unwrap().clone()
    }
}

fn pass_on(mut from: TcpStream, mut to: TcpStream, keep: impl Fn(&[u8])) {
    let mut bytes = [0; 4_096];
    while let Ok(count @ 1..) = from.read(&mut bytes) {
        keep(&bytes[..count]);
        if to.write_all(&bytes[..count]).is_err() {
            break;
        }
    }
    // Whoever has gone already needs no end.
    to.shutdown(Shutdown::Both).ok();
}
