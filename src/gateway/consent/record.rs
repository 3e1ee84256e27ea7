//! The consent record: JSON, the same object in a file, by the command line and over MQTT (the contract in `captures`).
