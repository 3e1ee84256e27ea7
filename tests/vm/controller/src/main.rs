//! A Bluetooth controller without a radio: it answers the kernel through `/dev/vhci` and hears iBeacons that nobody sent.
//!
//! `controller [--rate N] [--beacons N] [--obey] [--dual] [--silent]`
//!
//! It hears N advertisements a second (10) of N beacons in turn (2), with a payload that never changes. `--obey` makes it
//! obey the duplicate filter, as real chips do; without, every report goes up. `--dual` makes it speak classic Bluetooth too,
//! and so be asked to inquire. `--silent` is an empty shop. Ending the process is pulling the stick.
//!
//! What it was told about scanning and how many reports it gave is on standard error, for whoever reads the run.

mod answers;

use std::collections::HashSet;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

/// H4 packet types, Bluetooth Core 5.4, volume 4, part A, section 2; and the one by which `/dev/vhci` makes a device.
const COMMAND: u8 = 0x01;
const EVENT: u8 = 0x04;
const VENDOR: u8 = 0xff;

const RESET: u16 = 0x0c03;
const LE_SET_SCAN_PARAMETERS: u16 = 0x200b;
const LE_SET_SCAN_ENABLE: u16 = 0x200c;
const INQUIRY: u16 = 0x0401;

/// The identity that the virtual machine's one consent names.
const UUID: [u8; 16] = [0xe2, 0xc5, 0x6d, 0xb5, 0xdf, 0xfb, 0x48, 0xd2, 0xb0, 0x60, 0xd0, 0xf5, 0xa7, 0x10, 0x96, 0xe0];

/// What the kernel has told it.
#[derive(Default)]
struct Scan {
    on: bool,
    active: bool,
    filtered: bool,
    /// Beacons that were reported since the scan was switched on.
    seen: HashSet<u8>,
    sent: u64,
}

struct Options {
    rate: u64,
    beacons: u8,
    obey: bool,
    dual: bool,
    silent: bool,
}

fn main() -> io::Result<()> {
    let options = options().map_err(|what| io::Error::new(io::ErrorKind::InvalidInput, what))?;
    let kernel = Arc::new(OpenOptions::new().read(true).write(true).open("/dev/vhci")?);
    (&*kernel).write_all(&[VENDOR, 0x00])?;
    let scan = Arc::new(Mutex::new(Scan::default()));
    if !options.silent {
        let (kernel, scan, options) =
            (Arc::clone(&kernel), Arc::clone(&scan), (options.rate, options.beacons, options.obey));
        thread::spawn(move || hear(&kernel, &scan, options));
    }
    obey(&kernel, &scan, options.dual)
}

fn options() -> Result<Options, String> {
    let mut options = Options { rate: 10, beacons: 2, obey: false, dual: false, silent: false };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let mut number = || words.next().and_then(|word| word.parse::<u8>().ok()).filter(|number| *number > 0);
        match word.as_str() {
            "--rate" => options.rate = number().ok_or("--rate takes 1 to 255")?.into(),
            "--beacons" => options.beacons = number().ok_or("--beacons takes 1 to 255")?,
            "--obey" => options.obey = true,
            "--dual" => options.dual = true,
            "--silent" => options.silent = true,
            other => return Err(format!("{other} means nothing here")),
        }
    }
    Ok(options)
}

fn held(scan: &Mutex<Scan>) -> MutexGuard<'_, Scan> {
    scan.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Reports one beacon after the other for as long as the kernel wants to hear.
fn hear(mut kernel: &File, scan: &Mutex<Scan>, (rate, beacons, obey): (u64, u8, bool)) {
    for turn in (0..beacons).cycle() {
        thread::sleep(Duration::from_millis(1_000 / rate));
        let report = {
            let mut scan = held(scan);
            if !scan.on || (!scan.seen.insert(turn) && obey && scan.filtered) {
                continue;
            }
            scan.sent += 1;
            report(turn)
        };
        // A device that is switched off takes nothing, and may be switched on again.
        let _unheard = kernel.write_all(&report);
    }
}

/// An LE advertising report (volume 4, part E, section 7.7.65.2) of an iBeacon, not connectable, from a static random
/// address.
fn report(beacon: u8) -> Vec<u8> {
    let mut data = vec![0x02, 0x01, 0x06, 0x1a, 0xff, 0x4c, 0x00, 0x02, 0x15];
    data.extend(UUID);
    data.extend([0, 1, 0, beacon, 0xc5]);
    let mut event = vec![0x02, 1, 0x03, 0x01, beacon, 0x00, 0x00, 0xee, 0xff, 0xc0, length(&data)];
    event.extend(data);
    event.push((-55_i8).cast_unsigned());
    packet(0x3e, &event)
}

/// Answers the kernel's commands until it closes the device.
fn obey(mut kernel: &File, scan: &Mutex<Scan>, dual: bool) -> io::Result<()> {
    let mut buffer = [0; 1024];
    loop {
        let len = kernel.read(&mut buffer)?;
        let [COMMAND, low, high, _, parameters @ ..] = &buffer[..len] else { continue };
        let opcode = u16::from_le_bytes([*low, *high]);
        note(&mut held(scan), opcode, parameters);
        if opcode == INQUIRY {
            kernel.write_all(&packet(0x0f, &[0, 1, *low, *high]))?;
            inquire(kernel.try_clone()?, parameters.get(3).copied().unwrap_or(1));
            continue;
        }
        let mut complete = vec![1, *low, *high];
        complete.extend(answers::to(opcode, parameters, dual));
        kernel.write_all(&packet(0x0e, &complete))?;
    }
}

/// Keeps what the kernel says about scanning.
fn note(scan: &mut Scan, opcode: u16, parameters: &[u8]) {
    match (opcode, parameters) {
        (RESET, _) => scan.on = false,
        (LE_SET_SCAN_PARAMETERS, [kind, ..]) => scan.active = *kind == 1,
        (LE_SET_SCAN_ENABLE, [on, filtered, ..]) => {
            (scan.on, scan.filtered) = (*on == 1, *filtered == 1);
            scan.seen.clear();
            let kind = if scan.active { "active" } else { "passive" };
            let filter = if scan.filtered { "with" } else { "without" };
            let Scan { on, sent, .. } = scan;
            eprintln!("controller: scan {on}, {kind}, {filter} duplicate filter, {sent} reports so far");
        }
        _ => {}
    }
}

/// An inquiry finds nobody, and takes its time over it (units of 1.28 s).
fn inquire(mut kernel: File, units: u8) {
    thread::spawn(move || {
        thread::sleep(Duration::from_millis(1_280) * units.into());
        // A kernel that has closed the device wants no answer.
        let _unheard = kernel.write_all(&packet(0x01, &[0]));
    });
}

/// An HCI event as it goes over H4.
fn packet(event: u8, parameters: &[u8]) -> Vec<u8> {
    let mut packet = vec![EVENT, event, length(parameters)];
    packet.extend(parameters);
    packet
}

/// HCI events carry at most 255 bytes, and the longest here has 252.
fn length(bytes: &[u8]) -> u8 {
    u8::try_from(bytes.len()).unwrap_or(u8::MAX)
}
