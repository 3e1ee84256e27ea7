#!/usr/bin/env python3
"""A recipient of Emma's offers, in Python with paho-mqtt 1.6 or 2: README.md says how to run it."""
import json
import os
from datetime import datetime, timezone

import paho.mqtt.client as mqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

env, seen = os.environ.get, {}  # seen: the ids of events, each until it expires; after that its own time refuses it


def on_connect(client, *_):
    topics = [f"emma/v1/+/{what}/{env('EMMA_RECIPIENT', 'push')}/+" for what in ("offer", "offer-end")]
    client.subscribe([(topic, 1) for topic in topics])


def on_message(client, _, message):  # it is acknowledged when this returns
    try:
        event, now = json.loads(message.payload), datetime.now(timezone.utc)
        offer, until = event["data"]["offer_id"], datetime.fromisoformat(event["expirytime"])
        for old in [known for known, until in seen.items() if until <= now]:
            del seen[old]
        if event["id"] in seen or until <= now:  # said before, or over: whatever queued it
            return
        seen[event["id"]] = until
        if event["type"] == "emma.offer.ended.v1":
            print("drop", offer, event["data"]["reason"], flush=True)
        elif event["type"] == "emma.offer.issued.v1":
            print("show", offer, event["data"]["text"], flush=True)
            _, _, site, _, _, inbox = message.topic.split("/")
            client.publish(f"emma/v1/{site}/feedback/{inbox}", json.dumps({"offer_id": offer, "kind": "displayed"}), 1)
    except (ValueError, KeyError, TypeError, RecursionError):
        return  # not an event that this program knows: kept, it would come again for ever


version = [mqtt.CallbackAPIVersion.VERSION2] if hasattr(mqtt, "CallbackAPIVersion") else []  # paho 2 asks, 1.6 has none
client = mqtt.Client(*version, client_id=env("EMMA_CLIENT_ID", "emma-push-1"), protocol=mqtt.MQTTv5)
client.on_connect, client.on_message = on_connect, on_message
if env("EMMA_USER"):
    client.username_pw_set(env("EMMA_USER"), env("EMMA_PASSWORD"))
if env("EMMA_CA"):
    client.tls_set(env("EMMA_CA"))
session = Properties(PacketTypes.CONNECT)
session.SessionExpiryInterval = 24 * 60 * 60  # the broker keeps what comes while this is down
host, port = env("EMMA_HOST", "127.0.0.1"), int(env("EMMA_PORT", "1883"))
client.connect_async(host, port, clean_start=False, properties=session)
client.loop_forever(retry_first_connection=True)
