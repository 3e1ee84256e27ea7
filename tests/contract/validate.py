#!/usr/bin/env python3
"""Holds what brokers of the tests handed on against docs/asyncapi.yaml and docs/schemas/.

    tests/contract/validate.py PATH... [--every-kind]

Each path is a record of tests/common/recorder.rs, one line a message, or a folder of them. What Emma says has to be as the contract says, each
message of it: its payload, quality of service, retained or not, content type and expiry. What she is told is rubbish in
many a test, on purpose: of each kind some has to be sound, and the rest is counted. With --every-kind it is a failure too
when a kind was never seen. Exit code 0, or 1 with the failures, or 66 when there is nothing to validate.

The validator is python3-jsonschema, for draft 2020-12; the document is read by python3-yaml.
"""

import collections
import datetime
import json
import pathlib
import re
import sys

import jsonschema
import yaml

DOCS = pathlib.Path(__file__).resolve().parent.parent.parent / "docs"

# Tests that say on Emma's own topics what Emma would not say, by the beginning of their name, and on which.
RUBBISH = {
    # A scanner that is not Emma's throws rubbish at the decider, and a decider at a scanner.
    "several_pis.a_hostile_": {"sighting", "registry"},
    # Recipients are shown what they have to pass over, also what a broker let through too late.
    "subscribers.": {"offer", "offerEnd"},
    "contract_demo.": {"offer"},
    # Whoever watches must not stumble over anything.
    "watch.": {"offer", "offerEnd", "gatewayState"},
    # Nor must who looks at a fleet, whose Pis are played by a program that says no content type.
    "fleet.": {"gatewayState", "gatewayHealth"},
    "ansible.": {"gatewayState"},
}

# In the names of tests in which Emma speaks MQTT 3.1.1, which has no content type, no format and no expiry.
OLD = "3_1_1"

# So many failures are told in full, the rest counted.
TOLD = 20


FORMATS = jsonschema.FormatChecker()


@FORMATS.checks("date-time", raises=ValueError)
def is_instant(text):
    """RFC 3339; without a further package jsonschema takes any text for a time."""
    if not isinstance(text, str):
        return True
    datetime.datetime.strptime(text[:19], "%Y-%m-%dT%H:%M:%S")
    return re.fullmatch(r"(\.\d+)?(Z|[+-]\d\d:\d\d)", text[19:])


def inlined(node):
    """The schema with the files that it refers to put in their place: no two validators follow references alike."""
    if isinstance(node, dict):
        reference = node.get("$ref", "")
        if reference.startswith("schemas/"):
            schema = json.loads((DOCS / reference).read_text())
            return {key: value for key, value in schema.items() if key not in ("$id", "$schema")}
        return {key: inlined(value) for key, value in node.items()}
    return [inlined(item) for item in node] if isinstance(node, list) else node


class Kind:
    """A message of the contract, its validator compiled once."""

    def __init__(self, name, message, default_content_type):
        schema = inlined(message["payload"])
        jsonschema.Draft202012Validator.check_schema(schema)
        self.name = name
        self.validator = jsonschema.Draft202012Validator(schema, format_checker=FORMATS)
        self.content_type = message.get("contentType", default_content_type)
        self.is_event = "cloudevents" in self.content_type
        self.examples = message["examples"]

    def fault(self, payload):
        """What is wrong with a payload, or nothing."""
        error = jsonschema.exceptions.best_match(self.validator.iter_errors(payload))
        return error and f"{error.json_path}: {error.message[:300]}"


class Channel:
    """A topic, what may be said on it, and by whom."""

    def __init__(self, name, channel, kinds, operations):
        pattern = re.escape(channel["address"])
        pattern = pattern.replace(r"\{question\}", ".+")
        self.topic = re.compile(re.sub(r"\\{[a-z]+\\}", "[^/]+", pattern))
        self.name = name
        self.kinds = [kinds[reference["$ref"].rsplit("/", 1)[1]] for reference in channel["messages"].values()]
        self.mqtt = {}
        for operation in operations:
            if operation["channel"]["$ref"].endswith(f"/{name}"):
                self.mqtt[operation["action"]] = operation["bindings"]["mqtt"]

    def fault(self, message, is_old):
        """Which kind a message is of, and what is wrong with it."""
        if self.name == "ask":
            # The topic says it all.
            return self.kinds[0], None
        try:
            payload = json.loads(message.payload)
        except (ValueError, RecursionError):
            return None, "it is not JSON"
        faults = []
        for kind in self.kinds:
            fault = kind.fault(payload)
            if not fault:
                return kind, self.manner(kind, message, payload, is_old)
            faults.append(f"as {kind.name}: {fault}")
        return None, "; ".join(faults)

    def manner(self, kind, message, payload, is_old):
        """What is wrong with how a message was said, where Emma says it."""
        wanted = self.mqtt.get("send")
        if not wanted:
            return None
        if int(message.qos) != wanted["qos"]:
            return f"quality of service {message.qos} and not {wanted['qos']}"
        if (message.retained == "1") != wanted["retain"]:
            return f"retained is {message.retained}, and not as the contract says"
        if is_old and not (message.content_type or message.format or message.expiry):
            return None
        if message.content_type != kind.content_type:
            return f"content type {message.content_type!r} and not {kind.content_type}"
        if message.format != "1":
            return "the payload is not marked as text"
        if (kind.is_event or self.name == "answer") and not message.expiry:
            return "it never expires"
        if kind.is_event and int(message.expiry) > worth_saying_secs(payload):
            return f"the broker keeps it for {message.expiry} s, longer than it is worth saying"
        return None


def worth_saying_secs(event):
    """For how long an event is worth saying, rounded up."""
    time, expirytime = (datetime.datetime.fromisoformat(event[name][:19]) for name in ("time", "expirytime"))
    return (expirytime - time).total_seconds() + 2


Message = collections.namedtuple("Message", "topic qos retained content_type format expiry response_topic payload")


def read(path):
    """The messages of a record; a broker that was killed may have left half a line."""
    for line in path.read_text(errors="replace").splitlines():
        fields = line.split("\t")
        if len(fields) == len(Message._fields):
            yield Message(*fields[:-1], bytes.fromhex(fields[-1]))


def contract():
    """The channels of the AsyncAPI document, and its kinds of messages by name."""
    document = yaml.safe_load((DOCS / "asyncapi.yaml").read_text())
    default = document["defaultContentType"]
    messages = document["components"]["messages"].items()
    kinds = {name: Kind(name, message, default) for name, message in messages}
    operations = document["operations"].values()
    channels = [Channel(name, channel, kinds, operations) for name, channel in document["channels"].items()]
    return channels, kinds


def main(paths, every_kind):
    channels, kinds = contract()
    failures = [
        f"docs/asyncapi.yaml: the example of {kind.name}: {fault}"
        for kind in kinds.values()
        for example in kind.examples
        if (fault := kind.fault(example["payload"]))
    ]
    seen, unsound, apart = collections.Counter(), collections.Counter(), 0
    records = [record for path in paths for record in (sorted(path.glob("*.tsv")) if path.is_dir() else [path])]
    for record in records:
        rubbish_on = set().union(*(on for test, on in RUBBISH.items() if record.name.startswith(test)))
        for message in read(record):
            channel = next((channel for channel in channels if channel.topic.fullmatch(message.topic)), None)
            if channel is None or (not message.payload and channel.name != "ask"):
                # Scanners of other makes, and what lets a broker forget what it kept.
                apart += 1
                continue
            kind, fault = channel.fault(message, OLD in record.name)
            if not fault:
                seen[kind.name] += 1
            elif "send" not in channel.mqtt or channel.name in rubbish_on:
                unsound[channel.name] += 1
            else:
                failures.append(f"{record.name}: {message.topic}: {fault}")
    print(f"{sum(seen.values())} messages of {len(records)} brokers are as the contract says; {apart} are not the contract's")
    for name in kinds:
        print(f"  {name:<20}{seen[name]:>7}")
    for name, count in sorted(unsound.items()):
        print(f"  rubbish on {name}, as meant: {count}")
    unseen = [name for name in kinds if not seen[name]]
    if every_kind and unseen:
        failures.append(f"never seen: {', '.join(unseen)}; a test has to say one")
    for failure in failures[:TOLD]:
        print(failure, file=sys.stderr)
    if failures:
        print(f"{len(failures)} failures", file=sys.stderr)
    return 66 if not records else bool(failures)


if __name__ == "__main__":
    paths = [pathlib.Path(argument) for argument in sys.argv[1:] if argument != "--every-kind"]
    if not all(path.exists() for path in paths):
        sys.exit(__doc__)
    sys.exit(main(paths, "--every-kind" in sys.argv))
