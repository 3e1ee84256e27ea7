#!/usr/bin/env node
// A recipient of Emma's offers, in Node with mqtt 4.3 or 5: README.md says how to run it.
const fs = require('fs')
const mqtt = require('mqtt')

const env = { EMMA_HOST: '127.0.0.1', EMMA_PORT: '1883', EMMA_RECIPIENT: 'push', EMMA_CLIENT_ID: 'emma-push-1', ...process.env }
const seen = new Map() // the ids of events, each until it expires; after that its own time refuses it
const client = mqtt.connect(`${env.EMMA_CA ? 'mqtts' : 'mqtt'}://${env.EMMA_HOST}:${env.EMMA_PORT}`, {
  protocolVersion: 5, clientId: env.EMMA_CLIENT_ID, username: env.EMMA_USER, password: env.EMMA_PASSWORD,
  ca: env.EMMA_CA && fs.readFileSync(env.EMMA_CA),
  clean: false, properties: { sessionExpiryInterval: 24 * 60 * 60 } // the broker keeps what comes while this is down
})
client.on('error', error => console.error(error.message))
client.on('connect', () => client.subscribe(
  ['offer', 'offer-end'].map(what => `emma/v1/+/${what}/${env.EMMA_RECIPIENT}/+`), { qos: 1 }))
client.on('message', (topic, payload) => { // it is acknowledged when this returns
  let event
  try { event = JSON.parse(payload) } catch { return } // not an event; kept, it would come again for ever
  const offer = event?.data?.offer_id
  const [now, until] = [Date.now(), Date.parse(event?.expirytime)]
  for (const [id, until] of seen) if (until <= now) seen.delete(id)
  if (!offer || seen.has(event.id) || !(now < until)) return // said before, or over: whatever queued it
  seen.set(event.id, until)
  if (event.type === 'emma.offer.ended.v1') console.log('drop', offer, event.data.reason)
  if (event.type !== 'emma.offer.issued.v1') return // a type from the future is passed over
  console.log('show', offer, JSON.stringify(event.data.text))
  const [, , site, , , inbox] = topic.split('/')
  client.publish(`emma/v1/${site}/feedback/${inbox}`, JSON.stringify({ offer_id: offer, kind: 'displayed' }), { qos: 1 })
})
