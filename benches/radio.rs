//! What one advertisement costs through each driver: processor time of the radio's process and of dbus-daemon, both on the
//! same private bus with the same stand-in bluetoothd, in one run. The Linux driver is to cost a fifth of the portable one or
//! less. Without dbus-daemon it says so and measures nothing.

#![allow(clippy::unwrap_used, reason = "what fails here fails the bench")]
#![allow(clippy::print_stdout, reason = "figures are what a bench is for")]

#[path = "../tests/common/bus.rs"]
mod bus;
#[path = "../tests/common/fakebluez.rs"]
mod fakebluez;

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::{env, fs};

use bus::PrivateBus;
use emma::config::gateway::{Driver, Gateway, Radio};
use emma::gateway::consent::Needs;
use emma::radio::live;
use emma::radio::source::Orders;
use fakebluez::{FakeBluez, Report};

/// Advertisements in all, of so many devices. The kernel counts processor time in steps of 10 ms, so a hundredth of the
/// cheapest run.
const ADVERTISEMENTS: u32 = 20_000;
const DEVICES: u32 = 50;

/// Names the driver to the radio's process, which is this program again.
const DRIVER: &str = "EMMA_BENCH_DRIVER";

fn main() {
    if let Ok(driver) = env::var(DRIVER) {
        return listen(if driver == "bluez" { Driver::Bluez } else { Driver::Btleplug });
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut portable_us = None;
    for (driver, experimental, name) in
        [("btleplug", false, "btleplug"), ("bluez", false, "bluez, active"), ("bluez", true, "bluez, passive")]
    {
        let Some(bus) = PrivateBus::start("the cost of an advertisement") else { return };
        let (radio_us, bus_us) = runtime.block_on(measure(&bus, driver, experimental));
        let sum_us = radio_us + bus_us;
        let portable_us = *portable_us.get_or_insert(sum_us);
        println!(
            "{name:<15} radio {radio_us:6.1} us   dbus-daemon {bus_us:6.1} us   together {sum_us:6.1} us, 1/{:.1}",
            portable_us / sum_us
        );
    }
}

/// The radio's process: hears until it has heard everything, then waits to be ended.
fn listen(driver: Driver) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut config = emma::config::check(&emma::config::Sources::shipped()).config.unwrap();
    let radio = Radio { driver, ..Radio::default() };
    config.gateway = Gateway { radio, mqtt: None, ..config.gateway };
    let orders = Orders::fixed(Needs::default(), Arc::new(config));
    runtime.block_on(async {
        let mut sources = live::start(orders).unwrap();
        sources.status.wait_for(|all| all[0].listening).await.unwrap();
        println!("listening");
        for _ in 0..ADVERTISEMENTS {
            sources.heard.recv().await.unwrap();
        }
        println!("heard");
    });
    std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
}

/// Processor time an advertisement, of the radio and of the bus, in microseconds.
async fn measure(bus: &PrivateBus, driver: &str, experimental: bool) -> (f64, f64) {
    let bluez = FakeBluez::start_with(&bus.address(), experimental).await;
    let mut command = Command::new(env::current_exe().unwrap());
    command.env(DRIVER, driver).env("DBUS_SYSTEM_BUS_ADDRESS", bus.address());
    let mut radio = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let output = BufReader::new(radio.stdout.take().unwrap());
    let (line, mut lines) = tokio::sync::mpsc::unbounded_channel();
    std::thread::spawn(move || output.lines().map_while(Result::ok).try_for_each(|text| line.send(text)));
    assert_eq!(lines.recv().await.as_deref(), Some("listening"));
    let before_us = [cpu_us(radio.id()), cpu_us(bus.id().unwrap())];
    for index in 0..ADVERTISEMENTS {
        bluez.report(report(index)).await;
        // A controller hands reports over in small groups, not without end.
        if index % 20 == 0 {
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
    }
    assert_eq!(lines.recv().await.as_deref(), Some("heard"));
    let after_us = [cpu_us(radio.id()), cpu_us(bus.id().unwrap())];
    end(radio);
    let each = |index: usize| (after_us[index] - before_us[index]) / f64::from(ADVERTISEMENTS);
    (each(0), each(1))
}

fn end(mut radio: Child) {
    radio.kill().unwrap();
    radio.wait().unwrap();
}

/// An iBeacon of one of the devices, its strength as restless as people make it.
fn report(index: u32) -> Report {
    let device = u8::try_from(index % DEVICES).unwrap();
    let restless = i16::try_from(index * 7919 % 13).unwrap();
    let data = [&[0x02, 0x15][..], &[device; 16], &[0, 1, 0, 2, 0xc5]].concat();
    Report {
        address: [0xc0, 0xff, 0xee, 0, 0, device],
        rssi_dbm: -60 - restless,
        manufacturer: vec![(0x004c, data)],
        ..Report::default()
    }
}

/// Processor time of a process so far, its own and the kernel's for it: fields 14 and 15 of `/proc/…/stat` (proc(5)), in
/// hundredths of a second.
fn cpu_us(process: u32) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap();
    let fields = stat.rsplit(')').next().unwrap().split_whitespace();
    fields.skip(11).take(2).map(|ticks| ticks.parse::<f64>().unwrap() * 10_000.0).sum()
}
