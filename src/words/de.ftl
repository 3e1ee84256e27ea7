### Was Emma auf Deutsch sagt. Kurz, freundlich, per Sie, wie im Laden gesprochen.
### Ohne Eszett, damit es in Bern und in Berlin gleich richtig ist.

## Der gesperrte Bildschirm

lock-screen = Emma hat etwas für Sie

## Warum es ein Angebot gab, für die Kundschaft: der Anlass, dann ein Satz für alles, was gezählt hat

why-entered = Sie haben den Bereich «{ $zone }» betreten.
why-dwelled = Sie waren mindestens { $time } im Bereich «{ $zone }».
why-left = Sie haben den Bereich «{ $zone }» verlassen.
why-asked = Sie haben im Bereich «{ $zone }» gefragt, was es gibt.
why-consent = { $class ->
    [service] Sie haben zugestimmt, in diesem Geschäft Nachrichten zu erhalten.
   *[offer] Sie haben zugestimmt, in diesem Geschäft Angebote zu erhalten.
}
why-earlier-offers = Wir haben berücksichtigt, was wir Ihnen schon gesagt haben, damit es nicht zu viel wird.
why-interests = Sie haben uns gesagt, dass Sie so etwas interessiert.
why-wishes = Sie wollten im Laden an so etwas erinnert werden.
why-price-band = Es passt zur Preislage, die Sie uns genannt haben.
why-purchases = Wir haben berücksichtigt, was Sie gekauft haben, um Ihnen nichts anzubieten, was Sie schon haben.
why-feedback = Wir haben berücksichtigt, wie Sie auf frühere Angebote reagiert haben.
why-no = Sie können jederzeit Nein sagen: zu solchen Dingen, zu allem oder für eine Weile.

## Zeiten, im Nominativ und im Akkusativ gleich

time-seconds = { $n ->
    [one] { $n } Sekunde
   *[other] { $n } Sekunden
}
time-minutes = { $n ->
    [one] { $n } Minute
   *[other] { $n } Minuten
}
time-hours = { $n ->
    [one] { $n } Stunde
   *[other] { $n } Stunden
}
time-days = { $n ->
    [one] { $n } Tag
   *[other] { $n } Tage
}
time-months = { $n ->
    [one] { $n } Monat
   *[other] { $n } Monate
}

## Die Prüfungen: was jede fragt, und ihr Nein, für die Kundschaft und für die Filialleitung

reason-consent =
    .question = Gilt die Zustimmung dafür?
    .customer = Ihre Zustimmung gilt nicht für Nachrichten dieser Art.
    .manager = Die Zustimmung gilt dafür nicht.
reason-clock =
    .question = Ist auf die Uhr Verlass?
    .customer = Wir wussten nicht sicher, wie spät es war, und dann sagen wir lieber nichts.
    .manager = Auf die Uhr ist kein Verlass.
reason-paused =
    .question = Weder Pause noch Stopp?
    .customer = Sie haben um eine Pause oder um Ruhe gebeten, oder wir haben diese Nachricht angehalten.
    .manager = Die Person oder das Geschäft hat um eine Pause gebeten, oder die Kampagne ist gestoppt.
reason-quiet =
    .question = Ist geöffnet, und gilt keine Ruhezeit?
    .customer = Es ist Ruhezeit, Ihre eigene oder die für alle, oder das Geschäft ist geschlossen.
    .manager = Ruhezeit, die Person möchte eine Weile nichts hören, oder das Geschäft ist geschlossen.
reason-inactive =
    .question = Läuft die Kampagne um diese Zeit?
    .customer = Dieses Angebot gibt es zurzeit nicht.
    .manager = Die Kampagne läuft nicht an diesem Tag oder nicht um diese Zeit, oder ihre Codes sind aufgebraucht.
reason-audience =
    .question = Ist sie für diese Person gedacht?
    .customer = Dieses Angebot ist für andere Interessen, Wünsche oder Preislagen gedacht als die, die Sie uns genannt haben, und raten wollen wir nicht.
    .manager = Für andere Interessen, Preislagen oder Wünsche gedacht als die genannten.
reason-bought =
    .question = Liegt der letzte Kauf weit genug zurück?
    .customer = Sie haben so etwas schon gekauft und brauchen wohl noch nichts Neues.
    .manager = Schon gekauft und noch nicht zu ersetzen.
reason-declined =
    .question = Wurde so etwas nicht schon abgelehnt?
    .customer = Sie haben solche Nachrichten zuletzt übergangen oder wollten keine mehr.
    .manager = Solche Nachrichten wurden übergangen oder abgelehnt.
reason-stale-value =
    .question = Sind die Werte im Text aktuell?
    .customer = Eine Angabe in dieser Nachricht war nicht aktuell, und etwas Falsches wollen wir Ihnen nicht sagen.
    .manager = Ein Wert im Text ist nicht aktuell.
reason-outranked =
    .question = Geht keine andere Kampagne vor?
    .customer = Etwas anderes ging vor; wir sagen immer nur eines auf einmal.
    .manager = Eine andere Kampagne ging vor.
reason-cap-customer =
    .question = Hat noch ein Angebot Platz?
    .customer = Sie haben schon so viele Angebote bekommen, wie es höchstens sein sollen.
    .manager = Die Höchstzahl an Angeboten für eine Person ist erreicht.
reason-cap-visit =
    .question = Hat bei diesem Besuch noch eines Platz?
    .customer = Bei diesem Besuch haben Sie schon so viele Angebote bekommen, wie es höchstens sein sollen.
    .manager = Die Höchstzahl für einen Besuch ist erreicht.
reason-cap-gap =
    .question = Ist das letzte Angebot lange genug her?
    .customer = Ihr letztes Angebot ist noch nicht lange her.
    .manager = Das letzte Angebot ist nicht lange genug her.
reason-cap-campaign =
    .question = Hat diese Kampagne noch Platz?
    .customer = Von diesem Angebot haben wir Ihnen oft genug erzählt.
    .manager = Die Höchstzahl für die Kampagne ist erreicht.
reason-cap-category =
    .question = Hat diese Kategorie noch Platz?
    .customer = Von solchen Waren haben Sie fürs Erste genug gehört.
    .manager = Die Höchstzahl für die Kategorie ist erreicht.
reason-cap-zone =
    .question = Hat dieser Bereich noch Platz?
    .customer = In diesem Teil des Ladens haben Sie fürs Erste genug gehört.
    .manager = Die Höchstzahl für den Bereich ist erreicht.
reason-cap-site =
    .question = Hat dieses Geschäft noch Platz?
    .customer = In diesem Geschäft haben Sie fürs Erste genug gehört.
    .manager = Die Höchstzahl für das Geschäft ist erreicht.
reason-cap-budget =
    .question = Lässt die Zustimmung noch ein Angebot zu?
    .customer = So viele Angebote, wie Sie erlaubt haben, haben Sie schon bekommen.
    .manager = So viele Angebote, wie die Zustimmung erlaubt, sind schon gemacht.
reason-cap-service =
    .question = Hat noch eine Servicemeldung Platz?
    .customer = Sie haben schon so viele Servicemeldungen bekommen, wie es höchstens sein sollen.
    .manager = Die Höchstzahl an Servicemeldungen ist erreicht.
reason-control =
    .question = Nicht in der Kontrollgruppe?
    .customer = Sie haben zugestimmt, dass wir messen, was unsere Angebote bewirken. Dafür erfährt ein Teil der Kundschaft, den der Zufall bestimmt, nichts von diesem Angebot, und Sie gehören dazu.
    .manager = Kontrollgruppe: Dem Messen wurde zugestimmt, und der Zufall will, dass nichts gesagt wird.
reason-ledger =
    .question = Lässt es sich festhalten?
    .customer = Wir konnten es nicht festhalten, und dann sagen wir lieber nichts, damit es nicht zu viel wird.
    .manager = Das Verzeichnis der gemachten Angebote ist nicht erreichbar.
reason-outbox =
    .question = Geht es rechtzeitig hinaus?
    .customer = Zu viele Nachrichten warteten auf den Versand; Ihre wäre zu spät gekommen.
    .manager = Zu viele Nachrichten warten auf den Versand.

## Der Wochenbericht, für die Filialleitung und alle, die ihn sehen wollen

-few = weniger als 20
-untold = { -few }, darum nicht genannt

report-head = { $state ->
    [unfinished] Zurückhaltung von { $site } in der Woche { $week }, bis jetzt.
   *[over] Zurückhaltung von { $site } in der Woche { $week }.
}
report-visits = Besuche: { $number ->
    [untold] { -untold }
   *[other] { $number }
}.
report-silent = Besuche ohne Angebot: { $percent ->
    [untold] { -untold }
   *[other] { $percent } %
}.
report-most = Die meisten Angebote an eine Person ({ $window }): { $number }, erlaubt sind höchstens { $cap }.
report-withheld = Zurückgehalten, { $number ->
    [untold] { -few }-mal
    [1] einmal
   *[other] { $number }-mal
}: { $why }
report-dismissed = Angebote, die weggewischt wurden: { $percent ->
    [untold] { -untold }
   *[other] { $percent } %
}.
report-helpful = Angebote, die hilfreich genannt wurden: { $percent ->
    [untold] { -untold }
   *[other] { $percent } %
}.
report-withdrawal = Längste Zeit von einem Widerruf bis zur Stille: { $time ->
    [none] niemand hat widerrufen
   *[other] { $time }
}.
report-oldest = Älteste Angaben zu einer Person: { $days ->
    [none] keine vorhanden
    [0] von heute
    [1] einen Tag alt
   *[other] { $days } Tage alt
}.
report-campaign = { $campaign }: { $delivered ->
    [untold] { -few }-mal gemacht
   *[other] { $delivered }-mal gemacht; davon { $displayed } % angezeigt, { $opened } % geöffnet, { $redeemed } % eingelöst, { $dismissed } % weggewischt
}.
report-control = { $campaign }: { $number }-mal wurde der Kontrollgruppe nichts gesagt.

window-rolling = Zeitfenster: { $time }
window-visit = bei einem Besuch
window-ever = insgesamt

## Alles, was von jemandem gespeichert ist, an diese Person

export-title = Was Emma in diesem Laden von { $customer } gespeichert hat, am { $at }
export-controller = Verantwortlich: { $controller } ({ $contact })
export-head =
    .for = wozu
    .from = woher
    .kept = wie lange
export-place =
    .disk = auf der Platte
    .memory = nur im Arbeitsspeicher
export-nothing = Nichts ist gespeichert von: { $kinds }.
export-nobody = Nichts ist gespeichert: Emma kennt diese Kundin, diesen Kunden nicht.

## Die Quittung einer Einwilligung, an die Kundin und den Kunden

receipt-head = Ihre Einwilligung in { $shop }
receipt-state = { $state ->
    [expired] Sie ist abgelaufen: Wir sagen Ihnen nichts mehr.
    [renewed] Sie haben noch einmal Ja gesagt.
   *[given] Sie haben Ja gesagt.
}
receipt-given = Das war am { $date }.
receipt-holds = Sie gilt von { $from } bis { $until }.
receipt-notice = Sie haben dem Hinweis der Fassung { $version } zugestimmt.
receipt-tier-on-request = Sie hören nur etwas, wenn Sie fragen.
receipt-tier-contextual = Sie hören, was zu dem Teil des Geschäfts passt, in dem Sie sind.
receipt-tier-personal = Sie hören, was zu dem Teil des Geschäfts passt, in dem Sie sind, und zu dem, was Sie von sich gesagt haben.
receipt-for-offers = Sie erhalten Angebote.
receipt-for-personalisation = Was Sie von sich gesagt haben, zählt bei der Auswahl.
receipt-for-lift-measurement = Wir dürfen messen, was unsere Angebote bewirken.
receipt-for-nothing = Kein Zweck ist eingeschaltet: Wir sagen Ihnen nichts.
receipt-devices = { $n ->
    [one] Emma erkennt Sie an einem Ding, das Sie angemeldet haben.
   *[other] Emma erkennt Sie an { $n } Dingen, die Sie angemeldet haben.
}
receipt-nobody = Ihre Angebote gehen an niemanden.
receipt-gets = Ihre Angebote gehen an: { $recipients }.
receipt-no = Sie können sie jederzeit und ohne Grund zurücknehmen: { $withdraw }.
receipt-proof = Wer Sie angemeldet hat, bewahrt den Nachweis auf, unter { $proof }.
receipt-number = Quittung { $number }. Emma kennt Sie unter diesem erfundenen Namen und weiss nicht, wer Sie sind.
