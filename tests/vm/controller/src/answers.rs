//! What the controller answers to each command, so that the kernel believes in a Bluetooth 5.0 chip.
//!
//! Sections are of Bluetooth Core 5.4, volume 4, part E. The first byte of each answer is the status, 0 for success.

/// Features (volume 2, part C, section 3.3) of a chip that speaks LE alone: "BR/EDR not supported" and "LE supported".
const LE_ONLY: [u8; 8] = [0, 0, 0, 0, 0x60, 0, 0, 0];

/// Features of a chip that speaks both, with simple pairing and the host's LE bit.
const DUAL: [u8; 8] = [0xff, 0xff, 0x8f, 0xfe, 0xdb, 0xff, 0x5b, 0x87];

/// The return parameters of `opcode`, status first. What is not listed succeeds and returns nothing else.
pub(crate) fn to(opcode: u16, parameters: &[u8], dual: bool) -> Vec<u8> {
    let features = if dual { DUAL } else { LE_ONLY };
    match opcode {
        // 7.4.1 read local version: HCI and LMP 5.0, a manufacturer that is nobody.
        0x1001 => vec![0, 9, 0, 0, 9, 0xff, 0xff, 0, 0],
        0x1002 => supported_commands(),
        0x1003 => [&[0], &features[..]].concat(),
        // 7.4.4 read local extended features: page 1 says that the host side supports LE.
        0x1004 => {
            let page = parameters.first().copied().unwrap_or(0);
            let content = if page == 0 { features } else { [2, 0, 0, 0, 0, 0, 0, 0] };
            [&[0, page, u8::from(dual)], &content[..]].concat()
        }
        // 7.4.5 read buffer size, 7.4.6 read address.
        0x1005 => vec![0, 251, 0, 64, 8, 0, 8, 0],
        0x1009 => vec![0, 0x01, 0x00, 0x00, 0xaa, 0xbb, 0x00],
        // 7.3.12 read local name: 248 bytes.
        0x0c14 => [vec![0], b"controller".to_vec(), vec![0; 238]].concat(),
        // 7.3 what only classic Bluetooth has: class of device, voice setting, number of access codes and the codes,
        // scan and inquiry activity, transmit powers.
        0x0c23 => vec![0; 4],
        0x0c25 => vec![0; 3],
        0x0c38 => vec![0, 1],
        0x0c39 => vec![0, 1, 0x33, 0x8b, 0x9e],
        0x0c1b | 0x0c1d => vec![0, 0, 8, 0x12, 0],
        0x0c46 | 0x0c58 => vec![0; 2],
        // 7.8 LE: buffers, features, transmit power, accept list, states, random number, resolving list, data lengths.
        0x2002 => vec![0, 251, 0, 8],
        0x2003 => vec![0; 9],
        0x2007 => vec![0, 0],
        0x200f => vec![0, 8],
        0x201c => vec![0, 0xff, 0xff, 0xff, 0xff, 0xff, 3, 0, 0],
        0x2018 => vec![0, 1, 2, 3, 4, 5, 6, 7, 8],
        0x202a => vec![0, 4],
        0x2023 => vec![0, 27, 0, 0x48, 1],
        0x202f => vec![0, 251, 0, 0x48, 8, 251, 0, 0x48, 8],
        _ => vec![0],
    }
}

/// 6.27: the octets of the commands that a kernel asks for before it uses them. No extended advertising, so that it scans
/// with the legacy commands, as the chip of a Pi 3 or 4 makes it.
fn supported_commands() -> Vec<u8> {
    let mut commands = vec![0; 65];
    for (octet, bits) in [(5, 0xc0), (10, 0x80), (14, 0x28), (15, 0x02), (25, 0xf7), (26, 0xff), (27, 0xff), (28, 0x01)]
    {
        // The status comes before the first octet.
        commands[octet + 1] = bits;
    }
    commands
}
