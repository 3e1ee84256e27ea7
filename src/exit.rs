//! How a process ends: the numbers of `sysexits.h` (4.3BSD), so that scripts and systemd can tell one end from another.

/// All is well.
pub const OK: u8 = 0;
/// `emma doctor`, `fleet`: something needs a hand; `emma demo --contract`: a subscriber said what does not fit.
pub const UNWELL: u8 = 2;
/// The command line is not understood.
pub const USAGE: u8 = 64;
/// A file's content is not what it should be.
pub const DATA: u8 = 65;
/// A file cannot be read, or is no capture.
pub const NO_INPUT: u8 = 66;
/// Something that is needed is not there: a daemon, a port, a radio.
pub const UNAVAILABLE: u8 = 69;
/// A fault in Emma herself.
pub const SOFTWARE: u8 = 70;
/// A file or folder cannot be made.
pub const CANNOT_CREATE: u8 = 73;
/// Reading or writing failed half-way.
pub const IO: u8 = 74;
/// Try again later: another Emma or another program holds the ledger.
pub const TEMPORARY: u8 = 75;
/// The configuration has an error.
pub const CONFIG: u8 = 78;

/// The page that `emma exit-codes` prints.
pub const PAGE: &str = "\
Exit codes (those of sysexits.h)

   0  all is well; check, doctor: no error (there may be warnings)
   1  there is no such customer (consent show, withdraw; explain) or campaign (campaign, explain)
   2  doctor: a check fails (warnings and what is unknown do not count); fleet: some Pi needs a hand;
      demo --contract: a subscriber said what does not fit, or the broker refused a message
  64  the command line is not understood
  65  a file's content is not what it should be: a consent record that is refused, a ledger that is none,
      a state folder that is newer than the capture, a truth that cannot be compared with the captures,
      a backup that is damaged or of another shop,
      a drawing that is none, a survey that is damaged or says too little; coupon verify: a code that is not taken
  66  a file cannot be read, or is no capture
  69  something that is needed is not there: a port that is taken, a daemon that does not answer; status: none runs;
      fleet: the broker cannot be read, or keeps the state of no Pi;
      report: nothing was counted in that week; survey, walk: no test tag, or its consent is withdrawn
  70  a fault in Emma herself: please report it
  73  a file or folder cannot be made; backup: it is there already; restore: a ledger is, and --replace was not said
  74  reading or writing failed half-way
  75  try again later: another Emma or another program holds the ledger (restore: stop Emma), or another Pi was connected as this
      gateway; fleet: it was asked to stop;
      survey: somebody changed site.toml meanwhile
  78  the configuration has an error: emma check --config DIR says which; or the state folder is open to others
";
