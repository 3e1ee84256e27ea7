#!/usr/bin/env python3
"""A push relay for an app: an offer comes in, a wake-up without content goes out, the app fetches the text.

A reference to build on: README.md says how to run it, and what it leaves out. Nothing is written to disk, and nothing is
kept in memory longer than the offer is valid.
"""
import hashlib
import json
import subprocess
import threading
import time
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from os import environ as env

import paho.mqtt.client as mqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

KINDS = ("displayed", "opened", "redeemed", "dismissed", "no-more", "more", "helpful", "snooze", "stop")
MOST = 20  # offers of one inbox: caps allow a handful a day; of more the oldest goes
RUBBISH = (ValueError, KeyError, TypeError, AttributeError, RecursionError)  # what reading it may end in
LONGEST = 1024  # bytes of a request; feedback is a hundred


def push(service, device, until):
    """Wakes a device until `until` (Unix time): that there is something, and nothing of what, where or from whom. The app
    has a neutral line of its own for the key, in the phone's language."""
    if service == "apns":
        url, token = f"https://api.push.apple.com/3/device/{device}", env["APNS_TOKEN_FILE"]
        headers = ["apns-push-type: alert", f"apns-topic: {env['APNS_TOPIC']}", f"apns-expiration: {int(until)}"]
        body = {"aps": {"alert": {"loc-key": "something-for-you"}, "mutable-content": 1}}
    else:
        url, token = f"https://fcm.googleapis.com/v1/projects/{env['FCM_PROJECT']}/messages:send", env["FCM_TOKEN_FILE"]
        headers, android = ["content-type: application/json"], {"priority": "high", "ttl": f"{int(until - time.time())}s"}
        body = {"message": {"token": device, "android": android, "data": {"key": "something-for-you"}}}
    with open(token, encoding="utf-8") as file:  # whoever holds the signing key renews it
        headers.append(f"authorization: Bearer {file.read().strip()}")
    lines = [("url", url), ("data", json.dumps(body)), *(("header", header) for header in headers)]
    config = "".join(f"{key} = {json.dumps(value)}\n" for key, value in lines)  # not as arguments, which ps shows
    subprocess.run(["curl", "-sS", "--fail", "--http2", "-m", "5", "-K", "-"], input=config.encode(), check=False)


class Relay:
    """`devices`: what an app is, by the SHA-256 of its token in hex: {"inbox", "service": "apns" or "fcm", "device"}."""

    def __init__(self, devices, client):
        self.by_token, self.by_inbox = devices, {device["inbox"]: device for device in devices.values()}
        self.client, self.lock = client, threading.Lock()
        self.seen = {}  # the ids of events, each until what it says is over
        self.offers = {inbox: {} for inbox in self.by_inbox}  # by id: {"until", "site", "data" until fetched, "ended"}

    def take(self, _client, _userdata, message):
        """An event. It is acknowledged when this returns, so that what waits for a slow push waits with the broker."""
        try:
            event, now = json.loads(message.payload), time.time()
            _, _, site, _, _, inbox = message.topic.split("/")
            data, until = event["data"], unix(event["expirytime"])
            offer, over = data["offer_id"], unix(data.get("valid_until", event["expirytime"]))
            self.let_go(now)
            with self.lock:
                mine = self.offers[inbox]
                if event["id"] in self.seen or over <= now:
                    return
                self.seen[event["id"]] = over
                if event["type"] == "emma.offer.issued.v1":
                    mine[offer] = {"until": over, "site": site, "data": data, "ended": None}
                    if len(mine) > MOST:
                        del mine[next(iter(mine))]
                elif event["type"] != "emma.offer.ended.v1" or offer not in mine:
                    return
                elif mine[offer]["data"]:
                    del mine[offer]  # no app has it: it is gone without a word
                    return
                else:
                    mine[offer]["ended"] = data["reason"]
            if now < until:  # later it is silent, and there for whoever looks
                push(self.by_inbox[inbox]["service"], self.by_inbox[inbox]["device"], until)
        except RUBBISH as error:
            print("passed over:", type(error).__name__, flush=True)  # kept, it would come again for ever
        except OSError as error:
            print("nobody is woken up:", error, flush=True)

    def fetch(self, inbox, _):
        """What there is for the app, each once."""
        with self.lock:
            mine = self.offers[inbox]
            offers = [offer["data"] for offer in mine.values() if offer["data"]]
            ended = {id: offer["ended"] for id, offer in mine.items() if offer["ended"]}
            self.offers[inbox] = {id: {**offer, "data": None} for id, offer in mine.items() if id not in ended}
        return {"offers": offers, "ended": ended}

    def feedback(self, inbox, said):
        """Passes on what the customer says of an offer that the app has."""
        kind, site = KINDS[KINDS.index(said["kind"])], self.offers[inbox][said["offer_id"]]["site"]
        said = {key: said[key] for key in ("offer_id", "kind", "for") if key in said}
        self.client.publish(f"emma/v1/{site}/feedback/{inbox}", json.dumps(said), qos=1)
        return {"passed_on": kind}

    def let_go(self, now):
        """Of what is over nothing stays."""
        with self.lock:
            self.seen = {id: until for id, until in self.seen.items() if until > now}
            for inbox, mine in self.offers.items():
                self.offers[inbox] = {id: offer for id, offer in mine.items() if offer["until"] > now}


class Door(BaseHTTPRequestHandler):
    """`GET /offers` and `POST /feedback`, each with the app's token; behind whatever does TLS."""

    relay, timeout = None, 5

    def do_GET(self):
        relay = Door.relay
        relay.let_go(time.time())
        ask = {("GET", "/offers"): relay.fetch, ("POST", "/feedback"): relay.feedback}.get((self.command, self.path))
        token = self.headers.get("authorization", "").removeprefix("Bearer ")
        device = relay.by_token.get(hashlib.sha256(token.encode()).hexdigest())
        try:
            body = self.rfile.read(max(0, min(int(self.headers.get("content-length", 0)), LONGEST)))
            status, answer = (200, ask(device["inbox"], json.loads(body or "{}"))) if device else (401, None)
        except RUBBISH:
            status, answer = 404, None
        self.send_response(status)
        self.send_header("cache-control", "no-store")
        self.end_headers()
        self.wfile.write(json.dumps(answer).encode())

    do_POST = do_GET

    def log_message(self, *_):
        """Nothing: who asks, and when, is nobody's business."""


def unix(text):
    return datetime.fromisoformat(text).timestamp()


def main():
    version = [mqtt.CallbackAPIVersion.VERSION2] if hasattr(mqtt, "CallbackAPIVersion") else []  # paho 2 asks
    client = mqtt.Client(*version, client_id=env.get("EMMA_CLIENT_ID", "emma-push-relay"), protocol=mqtt.MQTTv5)
    with open(env["RELAY_DEVICES"], encoding="utf-8") as file:
        Door.relay = Relay(json.load(file), client)
    topics = [(f"emma/v1/+/{what}/{env.get('EMMA_RECIPIENT', 'push')}/+", 1) for what in ("offer", "offer-end")]
    client.on_connect, client.on_message = lambda client, *_: client.subscribe(topics), Door.relay.take
    if "EMMA_USER" in env:
        client.username_pw_set(env["EMMA_USER"], env["EMMA_PASSWORD"])
    if "EMMA_CA" in env:
        client.tls_set(env["EMMA_CA"])
    session = Properties(PacketTypes.CONNECT)
    session.SessionExpiryInterval = 24 * 60 * 60  # the broker keeps what comes while this is down
    host, port = env.get("EMMA_HOST", "127.0.0.1"), int(env.get("EMMA_PORT", "1883"))
    client.connect_async(host, port, clean_start=False, properties=session)
    client.loop_start()
    door = ThreadingHTTPServer(("127.0.0.1", int(env.get("RELAY_PORT", "8080"))), Door)
    print("listening on port", door.server_port, flush=True)
    threading.Thread(target=door.serve_forever, daemon=True).start()
    while True:  # what nobody asks for is let go as well
        time.sleep(1)
        Door.relay.let_go(time.time())


if __name__ == "__main__":
    main()
