### What Emma says in English. One idea a sentence, short, as a shopkeeper would say it.

## The phone’s locked screen

lock-screen = Emma has something for you

## Why an offer was made, to the customer: what set it off, then a sentence for each thing that counted

why-entered = You entered the area “{ $zone }”.
why-dwelled = You were in the area “{ $zone }” for at least { $time }.
why-left = You left the area “{ $zone }”.
why-asked = You asked in the area “{ $zone }” what there is.
why-consent = { $class ->
    [service] You agreed to receive messages in this shop.
   *[offer] You agreed to receive offers in this shop.
}
why-earlier-offers = We took into account what we have told you before, so that it does not become too much.
why-interests = You told us that such things interest you.
why-wishes = You asked to be reminded of such things in the shop.
why-price-band = It is in the price range that you told us.
why-purchases = We took into account what you bought, so as not to offer you what you already have.
why-feedback = We took into account how you answered earlier offers.
why-no = You can say no at any time: to such things, to everything, or for a while.

## Lengths of time

time-seconds = { $n ->
    [one] { $n } second
   *[other] { $n } seconds
}
time-minutes = { $n ->
    [one] { $n } minute
   *[other] { $n } minutes
}
time-hours = { $n ->
    [one] { $n } hour
   *[other] { $n } hours
}
time-days = { $n ->
    [one] { $n } day
   *[other] { $n } days
}
time-months = { $n ->
    [one] { $n } month
   *[other] { $n } months
}

## The gates: what each asks, and its no, to the customer who asks and to the store manager

reason-consent =
    .question = Does the customer’s consent cover this?
    .customer = Your consent does not cover messages of this kind.
    .manager = The customer’s consent does not cover this.
reason-clock =
    .question = Is the time of day certain?
    .customer = We did not know the time for certain, and then we would rather say nothing.
    .manager = The time of day is not certain.
reason-paused =
    .question = Neither paused nor stopped?
    .customer = You asked for a pause or for silence, or we have put this message on hold.
    .manager = The customer or the shop asked for a pause, or the campaign is stopped.
reason-quiet =
    .question = Is the shop open, outside quiet hours?
    .customer = It is a quiet hour, yours or everybody’s, or the shop is closed.
    .manager = Quiet hours, the customer wants to hear nothing for a while, or the shop is closed.
reason-inactive =
    .question = Is the campaign running at this time?
    .customer = This offer is not to be had at this time.
    .manager = The campaign does not run on this day or at this hour, or its codes are used up.
reason-audience =
    .question = Is it meant for this customer?
    .customer = This offer is for other interests, wishes or price ranges than those you told us, and we do not guess.
    .manager = Meant for other interests, price ranges or wishes than those declared.
reason-bought =
    .question = Is the last purchase long enough ago?
    .customer = You have bought such a thing, and will hardly need another yet.
    .manager = Already bought, and not due for replacement yet.
reason-declined =
    .question = Has the customer not said no to such things?
    .customer = You passed over such messages lately, or asked for no more of them.
    .manager = Such messages were passed over or declined.
reason-stale-value =
    .question = Are the values in its text up to date?
    .customer = Something in this message was not up to date, and we do not want to tell you anything wrong.
    .manager = A value in its text is not up to date.
reason-outranked =
    .question = Does no other campaign come first?
    .customer = Something else came first; we say one thing at a time.
    .manager = Another campaign came first.
reason-cap-customer =
    .question = Is there room for one more offer?
    .customer = You have already had as many offers as there should be at most.
    .manager = The cap on offers to one customer is reached.
reason-cap-visit =
    .question = Is there room in this visit?
    .customer = On this visit you have already had as many offers as there should be at most.
    .manager = The cap for one visit is reached.
reason-cap-gap =
    .question = Is the last offer long enough ago?
    .customer = Your last offer was only a little while ago.
    .manager = The last offer is not long enough ago.
reason-cap-campaign =
    .question = Is there room for this campaign?
    .customer = We have told you of this offer often enough.
    .manager = The cap for the campaign is reached.
reason-cap-category =
    .question = Is there room in this category?
    .customer = You have heard enough of such goods for now.
    .manager = The cap for the category is reached.
reason-cap-zone =
    .question = Is there room in this zone?
    .customer = You have heard enough in this part of the shop for now.
    .manager = The cap for the zone is reached.
reason-cap-site =
    .question = Is there room in this shop?
    .customer = You have heard enough in this shop for now.
    .manager = The cap for the shop is reached.
reason-cap-budget =
    .question = Does the consent allow one more offer?
    .customer = The number of offers that you agreed to is used up.
    .manager = The number of offers that the consent allows is used up.
reason-cap-service =
    .question = Is there room for a service message?
    .customer = You have already had as many service messages as there should be at most.
    .manager = The cap on service messages is reached.
reason-control =
    .question = Not in the control group?
    .customer = You agreed that we measure what our offers do. For that a part of our customers, picked by chance, hears nothing of this offer, and you are among them.
    .manager = Control group: measuring was agreed to, and chance has it that nothing is said.
reason-ledger =
    .question = Can it be remembered?
    .customer = We could not make a note of it, and then we would rather say nothing, so that it does not become too much.
    .manager = The ledger, the record of what was offered, cannot be reached.
reason-outbox =
    .question = Can it be sent in time?
    .customer = Too many messages were waiting to be sent; yours would have come too late.
    .manager = Too many messages are waiting to be sent.

## The weekly report, to the store manager and to whoever asks

-few = fewer than 20
-untold = { -few }, so not told

report-head = { $state ->
    [unfinished] Restraint of { $site } in the week { $week }, so far.
   *[over] Restraint of { $site } in the week { $week }.
}
report-visits = Visits: { $number ->
    [untold] { -untold }
   *[other] { $number }
}.
report-silent = Visits without an offer: { $percent ->
    [untold] { -untold }
   *[other] { $percent }%
}.
report-most = Most offers to one person { $window }: { $number }, with at most { $cap } allowed.
report-withheld = Withheld, { $number ->
    [untold] { -few } times
    [1] once
   *[other] { $number } times
}: { $why }
report-dismissed = Offers that were dismissed: { $percent ->
    [untold] { -untold }
   *[other] { $percent }%
}.
report-helpful = Offers that were called helpful: { $percent ->
    [untold] { -untold }
   *[other] { $percent }%
}.
report-withdrawal = Longest time from a withdrawal to silence: { $time ->
    [none] nobody withdrew
   *[other] { $time }
}.
report-oldest = Oldest personal data: { $days ->
    [none] none are kept
    [0] of today
    [1] one day old
   *[other] { $days } days old
}.
report-campaign = { $campaign }: { $delivered ->
    [untold] made { -few } times
   *[other] made { $delivered } times; of these { $displayed }% shown, { $opened }% opened, { $redeemed }% redeemed, { $dismissed }% dismissed
}.
report-control = { $campaign }: { $number } times nothing was said, for the control group.

window-rolling = in any { $time }
window-visit = in one visit
window-ever = in all

## Everything that is stored of a person, to them

export-title = What Emma has stored of { $customer } in this shop, at { $at }
export-controller = { $controller } ({ $contact }) answers for it.
export-head =
    .for = for
    .from = from
    .kept = kept
export-place =
    .disk = on the disk
    .memory = in memory alone
export-nothing = Nothing is stored of: { $kinds }.
export-nobody = Nothing is stored: Emma does not know this customer.

## The receipt of a consent, to the customer

receipt-head = Your consent in { $shop }
receipt-state = { $state ->
    [expired] It has run out: nothing is said to you any more.
    [renewed] You said yes once more.
   *[given] You said yes.
}
receipt-given = You did so on { $date }.
receipt-holds = It holds from { $from } to { $until }.
receipt-notice = You agreed to the notice of version { $version }.
receipt-tier-on-request = You are told only when you ask.
receipt-tier-contextual = You are told what fits the part of the shop you are in.
receipt-tier-personal = You are told what fits the part of the shop you are in, and what you said of yourself.
receipt-for-offers = You receive offers.
receipt-for-personalisation = What you said of yourself counts in choosing them.
receipt-for-lift-measurement = We may measure what our offers do.
receipt-for-nothing = No purpose is switched on: nothing is said to you.
receipt-devices = { $n ->
    [one] Emma recognises you by one thing that you registered.
   *[other] Emma recognises you by { $n } things that you registered.
}
receipt-nobody = Your offers go to nobody.
receipt-gets = Your offers go to: { $recipients }.
receipt-no = You can take it back at any time and without a reason: { $withdraw }.
receipt-proof = Whoever registered you keeps the proof, under { $proof }.
receipt-number = Receipt { $number }. Emma knows you by this made-up name, and not who you are.
