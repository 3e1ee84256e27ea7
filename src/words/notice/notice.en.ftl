### The notice for the shop door, the page behind it, what staff answer, and what changed. Read by customers: short
### sentences, no lawyers’ words, nothing promised that Emma does not keep.

notice-title = Emma at { $shop }
notice-version = Version { $version } of this notice, written by Emma { $emma } from the settings that are in force in this shop.

## The door: one sheet of paper

notice-door-head = Emma greets only those who asked to be greeted
notice-door-what = Emma is a small computer in this shop. She listens for the Bluetooth signals of customers who signed up with us, and now and then tells them something that is good to know right where they are.
notice-door-you-head = You have not signed up?
notice-door-you = Then you need do nothing. Emma does not know your phone, your watch or your earphones: she writes nothing down about them, does not count you as a visitor, and tells nobody.
notice-door-no-head = You signed up, and changed your mind?
notice-door-no = Here you say no: { $withdraw }. Usually within two seconds Emma says nothing more to you, and forgets you.
notice-door-not = No camera, no microphone, no satellites: Emma hears Bluetooth, and nothing else.
notice-door-adults = Taking part is for adults only.
notice-door-more = Everything in detail
notice-door-room = Room for a QR code
notice-door-responsible = Responsible: { $controller }. Questions: { $contact }.

## What is heard

notice-heard = What does Emma hear?
notice-heard-signals = Many things send out short Bluetooth signals: phones, tags on a key ring, watches. { $receivers ->
    [one] One receiver in this shop hears how strong they are.
   *[other] { $receivers } receivers in this shop hear how strong they are.
} From that Emma concludes roughly which part of the shop somebody is in, never the very spot.
notice-heard-zones = The areas that she tells apart: { $zones }.
notice-heard-sensitive = There are places where people want to be left alone: { $zones }. Emma places nobody there, and remembers nothing of it.
notice-heard-remote = Some of the receivers are simple ones. They pass on every signal that they hear, over { $way ->
    [inside] the shop’s own network
   *[outside] the network
}, to Emma, and she drops at once what is not from somebody who takes part.
notice-heard-pis = The receivers talk to each other within the shop. Each is told by which fingerprint it would recognise you, never your device’s own number.
notice-heard-phones = Your phone can also do the listening: the app hears the shop’s own beacons and tells Emma which ones. Then your phone need not send out anything by Bluetooth.
notice-heard-playback = This Emma is a test bench: she plays recordings as if they were happening now.
notice-heard-example = An example: somebody with a tag that is signed up is in the area “{ $zone }”. Emma knows that someone who takes part is there, and since when. She does not know what they are called, what they look like or what is in their basket.

## Whose

notice-whose = Whose signals?
notice-whose-customers = Only those of people who signed up. Emma knows them by a made-up name; who is behind it is known only where you signed up. Everybody else is a stranger to her, and remains one.
notice-whose-adults = Only those who said that they are of age can take part.
notice-whose-work = Whoever is in the shop for more than three hours is at work, not shopping. Emma says nothing more to them until the next day, and writes nothing more down about them.

## What for

notice-for = What for?
notice-for-lead = So that you are told:
notice-for-offer = an offer, where it is of use to you;
notice-for-reward = a thank-you for coming;
notice-for-service = what you need to know, such as an order that is ready or a recall: never with advertising in it.
notice-for-nothing = At present the shop has set up nothing that Emma would say.
notice-for-tiers = You choose how much it may be: only answers when you ask; offers that fit the part of the shop you are in; or personal ones. Each purpose is a switch of its own, and off until you switch it on.
notice-for-personal = For personal offers Emma goes by what you said yourself: { $declared }. If the till tells her what you bought, she spares you more of the same. She guesses nothing: not your taste, not your income.
notice-declared-favourites = your favourite goods
notice-declared-wishes = your wishes (“remind me in the shop”)
notice-declared-interests = your interests
notice-declared-price-band = your price range
notice-for-bought = Whoever bought is left in peace for a good while: { $intervals }.
notice-for-sensitive = Some goods are nobody else’s business: { $categories }. You only hear of them if you named them yourself.
notice-for-control = If you agreed to it, we measure whether offers help at all: a part of those who agreed, picked by chance, then hears nothing of an offer.
notice-for-values = In some messages there is a figure of the moment, such as the waiting time at the till. It is about the shop, not about you.

## How often

notice-often = How often at most?
notice-often-lead = This holds for each person, and no campaign can go beyond it:
notice-cap-customer = { $n ->
    [0] no offers { $window }
    [one] at most one offer { $window }
   *[other] at most { $n } offers { $window }
}
notice-cap-visit = { $n ->
    [0] no offers during a visit
    [one] at most one offer in a visit
   *[other] at most { $n } offers in a visit
}
notice-cap-gap = at least { $time } between two offers
notice-cap-campaign = { $n ->
    [0] no offers from campaigns { $window }
    [one] the same offer at most once { $window }
   *[other] the same offer at most { $n } times { $window }
}
notice-cap-category = { $n ->
    [0] no offers of one kind of goods { $window }
    [one] at most one offer of the same kind of goods { $window }
   *[other] at most { $n } offers of the same kind of goods { $window }
}
notice-cap-zone = { $n ->
    [0] no offers in one area { $window }
    [one] at most one offer in the same area { $window }
   *[other] at most { $n } offers in the same area { $window }
}
notice-cap-site = { $n ->
    [0] no offers in this shop { $window }
    [one] at most one offer in this shop { $window }
   *[other] at most { $n } offers in this shop { $window }
}
notice-cap-service = { $n ->
    [0] no service messages { $window }
    [one] besides, at most one service message { $window }
   *[other] besides, at most { $n } service messages { $window }
}
notice-window = in any { $time }
notice-window-ever = in all, for as long as you take part
notice-often-quiet = From { $from } to { $to } Emma says nothing to anybody.
notice-often-closed = When the shop is closed, she says nothing either.
notice-often-dropped = What does not fit is dropped, and not made up for later. You may set tighter limits for yourself, never looser ones.
notice-often-shop = This promise holds in this shop. Shops do not tell each other what they have said, so another one counts for itself.

## What is kept

notice-kept = What is kept, and for how long?
notice-kept-lead = Everything lies on one computer in the shop, in a folder that only Emma, and whoever looks after that computer, can open. Of people who did not sign up there is nothing in it.
notice-kept-lent = If you take part with an app, it says that you have arrived, and whoever runs it lends this shop your permission, often for a few hours. It lasts only as long as they keep saying that it stands; when they fall silent, Emma stops recognising you by herself, within a day.
notice-kept-head = What
    .why = What for
    .time = How long
notice-kept-consent = What you agreed to and said about yourself, what your device is known by, and your letter boxes
    .why = So that Emma recognises you, and knows what is welcome
    .time = until you withdraw, at the longest { $time } after your consent has ended; longer only while an offer to you holds, or where a limit that you set for yourself looks back further
    .purpose = to know what you agreed to, how your devices are recognised, and where offers to you are sent; Emma acts on nothing that it does not name
    .origin = from you, through whoever registered your consent
notice-kept-offers-made = What you were told, when, and in which area
    .why = So that it is never more than promised
    .time = { $time }, as far back as a promise in this shop can look; longer only where a limit that somebody set for themselves looks back further
    .ever = until you withdraw: somebody’s limit in this shop has no end
    .purpose = to keep the promises about how often you are told something: each offer counts, also one that was not said because you are in a control group (`ghost`)
    .origin = Emma wrote it down when the offer was made
notice-kept-visit = Your visit while it lasts: since when, and in which area
    .why = So that an offer comes once, and at the right place
    .time = until { $time } after you were last heard
    .purpose = to take up your visit again after a restart, so that no promise about a visit begins anew
    .origin = from your device, as the shop’s receivers heard it
notice-kept-at-work = That you are at work here
    .why = So that staff are left in peace
    .time = until the next day
    .purpose = not to see you for the rest of a day on which you were in the shop for more than three hours: you are at work there
    .origin = from how long your device was heard that day
notice-kept-stance = What you made of offers: your yes and no, what you bought, a pause; as scores and dates, not as a diary
    .why = So that a no is a no
    .time = until you withdraw, at the longest { $time } after your consent has ended; what you bought and wished for, until you no longer agree to that
    .purpose = to say less of what you do not want, and nothing about what you have bought: scores, dates and yes or no, no history. Wishes that were shown or bought are kept as numbers that stand for them
    .origin = from what you said back about offers and, if you agreed to that, from the till
notice-kept-offers-that-hold = An offer that still holds, and what you answered to it
    .why = So that you can answer, ask for the reason, and it can be taken back
    .time = until the offer ends
    .purpose = to understand what you say back about an offer, to tell you why it was made, and to take it back: one for each recipient’s copy
    .origin = Emma wrote it down when the offer was made, and what you said back about it
notice-kept-messages = Messages on their way to you
    .why = So that none is lost and none comes twice
    .time = until handed over, at the longest until the offer ends
    .purpose = to hand an offer, or the word that it ended, over to a recipient that your consent names
    .origin = Emma wrote it down when there was something to say
notice-kept-said-no = After your consent ended: what you had said no to, under a scrambled sign
    .why = So that your no still holds when you come back
    .time = { $time } after the rest has gone; if you withdraw, it goes at once
    .purpose = so that what you said no to is not said when you come back: what is silent, and until when, under a keyed hash of your pseudonym; nothing that you liked or bought
    .origin = Emma kept it when your consent had ended and everything else of you was deleted
notice-kept-forgotten = After you withdrew, or your consent ended: a scrambled sign, and one date
    .why = So that the promise also holds for who comes back
    .time = { $time }, as far back as the shop’s promise to every customer looks
    .purpose = so that the promises about how often you are told something hold if you come back: a keyed hash of your pseudonym, and one date
    .origin = Emma wrote it down when you were forgotten
notice-kept-visit-now =
    .time = until { $time } after you were last heard
    .purpose = to know in which zone of the shop you are, and whether an offer is welcome there. How strongly your device was heard in the last seconds is part of it, and is not written out
    .origin = from your device, as the shop’s receivers heard it
notice-kept-lease =
    .time = with your consent, at the longest { $time } after it has ended
    .purpose = to know until when your consent holds here: to the end that it names, or of a lease that whoever registered it holds up
    .origin = from your consent and, where it is on a lease, from when Emma last heard from whoever registered it
notice-kept-withdrawn-lately =
    .time = { $time }, or until Emma starts anew
    .purpose = so that an old message does not bring you back after you withdrew: a keyed hash of your pseudonym, and the number of your withdrawal
    .origin = Emma noted it when you withdrew
notice-kept-remains = One thing stays behind when you say no: a scrambled sign, worked out from your made-up name with a secret key, and one date with it, for { $time }. It does not tell who you were. It is there so that somebody who withdraws and signs up again does not get more offers than we promised. Then it is gone as well.

## Who gets it

notice-gets = Who gets what?
notice-gets-lead = Offers go to a letter box without a name on it. These are the ones who bring them to you, and what the shop declares that they do with them:
notice-gets-recipient = { $name }: { $purpose }
notice-gets-nobody = At present nobody: no one is named who would bring you an offer, and none leaves the shop.
notice-gets-what = They get the text of the offer, the area it is about, how long it holds, and why you are told. They do not get your made-up name, your device’s number, where you went or what others told you, and two of them cannot put their parts together.
notice-gets-declared = What they do with it Emma cannot see. For that the shop answers, with the words above.
notice-gets-accepted = Only those whom you accepted when you signed up bring you something. One who joins later gets nothing of yours until you have agreed.

## What is not done

notice-not = What Emma does not do
notice-not-follow = She does not follow you. There is no map of your ways and no diary of your visits: when a visit is over, she forgets where you were, and keeps only what she told you and in which area.
notice-not-guess = She does not guess. From what you buy she concludes nothing about you, and nobody is known better than they told.
notice-not-sell = She sells nothing, and there is no advertising network behind her. What leaves the shop is an offer to a letter box.

## How to say no

notice-no = How do I say no?
notice-no-softly = As softly or as firmly as you like. Wipe an offer away, and there is silence about such things for a day, the next time for two weeks, then for three months. “No more of this” holds until you say otherwise. You can ask for quiet for a while, or for a pause from everything.
notice-no-withdraw = And you can withdraw altogether, at any time and without a reason: { $withdraw }.
notice-no-then = Then Emma says nothing more to you, usually within two seconds, takes back what is on its way, and deletes everything that she has of you. Only the scrambled sign that we told of above stays for a while.
notice-no-rights = You may see everything that is stored about you, have it put right, take a copy with you or have it deleted. Write to { $contact }.
notice-no-responsible = Responsible for all this: { $controller }.
notice-no-authority = You are not content with our answer? You can complain to the authority: { $authority }.
notice-no-any-authority = You are not content with our answer? You can complain to the data protection authority where you live.

## Limits

notice-limits = What Emma cannot do
notice-limits-copy = A simple tag always sends the same number, and whoever copies it can pass for you: Emma cannot tell the copy from the real one. They would learn nothing about you; at worst an offer comes to your letter box that was meant for their place in the shop. If your tag is lost, have it struck off.
notice-limits-backups = Copies that the shop makes of its computer, and recordings made for tests, are out of Emma’s reach. Whoever made them has to delete them.
notice-limits-flash = What is deleted can no longer be read through the file system. Deep within a memory card traces may last until they are written over.
notice-limits-arrived = What has arrived on your phone is there; Emma can say that it no longer holds, and not fetch it back.
notice-limits-rough = Bluetooth is rough. Emma would rather say nothing than place somebody wrongly.

## Questions

notice-faq = Questions that people ask
notice-ask-stranger = I have not signed up. Does Emma see me?
    .answer = She hears a signal that she does not know, and drops it in the same moment. It is not written down anywhere, not even as a number of visitors. Counted is only how many signals there were of all devices together, so that a broken receiver is noticed.
notice-ask-bluetooth = Should I switch Bluetooth off?
    .answer = Because of Emma you need not. Whether it is on or off, she knows only those who signed up.
notice-ask-name = Does Emma know what I am called?
    .answer = No. She has a made-up name for you, and the language you like to read. What you are called and how to reach you is known where you signed up.
notice-ask-staff = Can the staff see where I am?
    .answer = No, there is no screen that shows who is where. The shop reads totals of a week, and groups of fewer than { $few } are left out. To be able to answer “why did I get this?”, whoever looks after the computer can look up a made-up name, and nothing more.
notice-ask-why = Why am I told just this?
    .answer = Every offer says it: what set it off, what was taken into account, and how to say no. If you are told nothing, you can ask for the reason as well.
notice-ask-child = And my child?
    .answer = A child’s phone that nobody signed up is a stranger’s phone like any other. { $adults ->
        [only] Only adults can be signed up.
       *[all] Nobody is signed up but by their own word, or by that of those who care for them.
    }
notice-ask-changes = What if this notice changes?
    .answer = New recipients and new goods that are nobody else’s business are not for you until you have agreed to them. What else has changed is told in words, beside this notice.

## For staff

notice-staff-title = Emma at { $shop }: what to answer
notice-staff-lead = When somebody asks, answer briefly and kindly. You need to know nothing technical, and “I will find out for you” is a good answer.
notice-staff-follow = “Are you following me?”
    .answer = No. Emma recognises only those who signed up themselves. Of everyone else she keeps nothing, and those who signed up are not followed either: she knows roughly which area they are in, and forgets it after the visit.
notice-staff-unwanted = “I do not want that.”
    .answer = If you have not signed up, you need do nothing. If you have: { $withdraw }. Usually it takes two seconds.
notice-staff-know = “What do you know about me?”
    .answer = We here in the shop: nothing. What Emma has is kept under a made-up name, and you may see all of it: { $contact }.
notice-staff-gets = “Who gets my data?”
    .answer = An offer goes to { $recipients }, without your name and without your way through the shop.
notice-staff-nobody = “Who gets my data?”
    .answer = At present nobody.
notice-staff-often = “Will I be pestered now?”
    .answer = Hardly: { $caps }.
notice-staff-lost = “I have lost my tag.”
    .answer = Good that you say so; we have it struck off at once: { $withdraw }.
notice-staff-complain = “I want to complain.”
    .answer = That is your right. Please write to { $contact }; { $authority ->
        [none] the data protection authority where you live is there for you as well.
       *[other] the authority is there for you as well: { $authority }.
    }
notice-staff-never = Please never talk anybody into it, never sign anybody up without being asked, and promise nothing that is not on the notice.

## What changed

notice-changes-title = What has changed at { $shop }
notice-changes-lead = Version { $new } of the notice, compared with version { $old }.
notice-changes-none = Nothing that the notice says has changed.
notice-changes-wider = What is wider now
notice-changes-wider-note = New recipients and new sensitive goods are kept from everybody who agreed before, until they agree anew: Emma sees to that. Everything else here holds for everyone as soon as the settings are in force. So tell people beforehand, and ask them anew where consent has to cover it.
notice-changes-narrower = What is narrower now
notice-changes-other = What reads otherwise
notice-changed = Changed: { $what }. Before: { $old }. Now: { $new }.
notice-added = New: { $what }.
notice-gone = No longer: { $what }.
notice-with = { $what } ({ $value })
notice-what-controller = who is responsible
notice-what-contact = where to write
notice-what-authority = the authority
notice-what-withdraw = how to say no
notice-what-notice-url = where the notice is read
notice-what-receivers = the number of receivers
notice-what-caps = a limit
notice-what-gap = the time between two offers
notice-what-quiet-hours = the quiet hours
notice-what-hours = { $from } to { $to }
notice-what-recipient = a recipient
notice-what-zone = the area “{ $name }” is told apart
notice-what-sensitive-zone = in the area “{ $name }” nobody is placed
notice-what-category = the goods “{ $name }”
notice-what-sensitive-category = the goods “{ $name }” as sensitive, only for those who named them
notice-what-replacement = the silence after a purchase of “{ $name }”
notice-what-offer = offers
notice-what-reward = thank-yous
notice-what-service = service messages
notice-what-interests = offers chosen by interests
notice-what-price-band = offers chosen by price range
notice-what-wishes = offers for wishes alone
notice-what-control-groups = measuring what offers do
notice-what-live-values = figures of the moment in messages
notice-what-opening-hours = silence while the shop is closed
notice-what-adults-only = only adults can take part
notice-what-inside = receivers that pass on everything they hear, within the shop’s own network
notice-what-outside = receivers that pass on everything they hear, over a network that is not the shop’s own
notice-what-between-pis = receivers that talk to each other within the shop
notice-what-phones = phones that say which beacons of the shop they hear
notice-what-playback = recordings played as if they were happening now
notice-what-kept = how long is kept: { $what }
