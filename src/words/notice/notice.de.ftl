### Der Hinweis für die Ladentür, die Seite dahinter, was das Personal antwortet und was sich geändert hat. Für die
### Kundschaft: kurze Sätze, kein Juristendeutsch, nichts versprechen, was Emma nicht hält.

notice-title = Emma bei { $shop }
notice-version = Fassung { $version } dieses Hinweises, von Emma { $emma } aus den Einstellungen geschrieben, die in diesem Geschäft gelten.

## Die Tür: ein Blatt Papier

notice-door-head = Emma grüsst nur, wer gegrüsst werden möchte
notice-door-what = Emma ist ein kleiner Computer hier im Laden. Sie achtet auf die Bluetooth-Signale von Kundinnen und Kunden, die sich bei uns angemeldet haben, und sagt ihnen ab und zu etwas, was genau dort nützlich ist, wo sie gerade sind.
notice-door-you-head = Sie haben sich nicht angemeldet?
notice-door-you = Dann brauchen Sie nichts zu tun. Emma kennt Ihr Handy, Ihre Uhr und Ihre Kopfhörer nicht: Sie schreibt nichts darüber auf, zählt Sie nicht als Besuch und erzählt niemandem davon.
notice-door-no-head = Sie haben sich angemeldet und möchten nicht mehr?
notice-door-no = Hier sagen Sie Nein: { $withdraw }. Meist nach weniger als zwei Sekunden sagt Emma Ihnen nichts mehr und vergisst Sie.
notice-door-not = Keine Kamera, kein Mikrofon, keine Ortung per Satellit: Emma hört Bluetooth und sonst nichts.
notice-door-adults = Mitmachen können nur Erwachsene.
notice-door-more = Alles im Einzelnen
notice-door-room = Platz für einen QR-Code
notice-door-responsible = Verantwortlich: { $controller }. Fragen: { $contact }.

## Was gehört wird

notice-heard = Was hört Emma?
notice-heard-signals = Vieles sendet kurze Bluetooth-Signale aus: Handys, Anhänger am Schlüsselbund, Uhren. { $receivers ->
    [one] Ein Empfänger hier im Laden hört, wie stark sie sind.
   *[other] { $receivers } Empfänger hier im Laden hören, wie stark sie sind.
} Daraus schliesst Emma ungefähr, in welchem Teil des Ladens jemand ist, nie auf den Meter genau.
notice-heard-zones = Diese Bereiche unterscheidet sie: { $zones }.
notice-heard-sensitive = Es gibt Orte, an denen man in Ruhe gelassen werden will: { $zones }. Dort weiss Emma von niemandem, und sie merkt sich nichts davon.
notice-heard-remote = Einige der Empfänger sind ganz einfache. Sie reichen jedes Signal, das sie hören, über { $way ->
    [inside] das ladeneigene Netz
   *[outside] das Netz
} an Emma weiter, und Emma wirft sofort weg, was nicht von jemandem kommt, der mitmacht.
notice-heard-pis = Die Empfänger sprechen im Laden miteinander. Jeder erfährt nur einen Fingerabdruck, an dem er Sie erkennen würde, nie die Nummer Ihres Geräts.
notice-heard-phones = Zuhören kann auch Ihr Handy: Die App hört die ladeneigenen Funkbaken und sagt Emma, welche es sind. Dann muss Ihr Handy selbst nichts per Bluetooth aussenden.
notice-heard-playback = Diese Emma ist ein Prüfstand: Sie spielt Aufzeichnungen ab, als geschähe das gerade jetzt.
notice-heard-example = Ein Beispiel: Jemand mit einem angemeldeten Anhänger ist im Bereich «{ $zone }». Emma weiss dann, dass dort jemand ist, der mitmacht, und seit wann. Sie weiss nicht, wie die Person heisst, wie sie aussieht und was sie im Korb hat.

## Wessen

notice-whose = Wessen Signale?
notice-whose-customers = Nur die von Menschen, die sich angemeldet haben. Emma kennt sie unter einem erfundenen Namen; wer dahinter steht, weiss nur, wo Sie sich angemeldet haben. Alle anderen sind ihr fremd und bleiben es.
notice-whose-adults = Mitmachen kann nur, wer gesagt hat, dass er oder sie volljährig ist.
notice-whose-work = Wer länger als drei Stunden im Laden ist, arbeitet hier und kauft nicht ein. Emma sagt dann bis zum nächsten Tag nichts mehr und schreibt auch nichts weiter auf.

## Wozu

notice-for = Wozu das alles?
notice-for-lead = Damit Sie erfahren:
notice-for-offer = von einem Angebot, dort, wo es Ihnen nützt;
notice-for-reward = von einem Dankeschön fürs Vorbeikommen;
notice-for-service = was Sie wissen müssen, etwa dass Ihre Bestellung bereit ist oder etwas zurückgerufen wird: nie mit Werbung darin.
notice-for-nothing = Zurzeit hat der Laden nichts eingerichtet, was Emma sagen würde.
notice-for-tiers = Wie viel es sein darf, bestimmen Sie: nur Antworten, wenn Sie fragen; Angebote, die zu dem Teil des Ladens passen, in dem Sie sind; oder auch persönliche. Jeder Zweck ist ein eigener Schalter und steht auf Aus, bis Sie ihn einschalten.
notice-for-personal = Für persönliche Angebote richtet sich Emma nach dem, was Sie selbst gesagt haben: { $declared }. Sagt ihr die Kasse, was Sie gekauft haben, verschont sie Sie mit noch mehr davon. Sie errät nichts: nicht Ihren Geschmack, nicht Ihr Einkommen.
notice-declared-favourites = Ihre liebsten Waren
notice-declared-wishes = Ihre Wünsche («im Laden daran erinnern»)
notice-declared-interests = Ihre Interessen
notice-declared-price-band = Ihre Preislage
notice-for-bought = Wer gekauft hat, wird eine gute Weile in Ruhe gelassen: { $intervals }.
notice-for-sensitive = Manche Waren gehen sonst niemanden etwas an: { $categories }. Davon hören Sie nur, wenn Sie sie selbst genannt haben.
notice-for-control = Wenn Sie dem zugestimmt haben, messen wir, ob Angebote überhaupt nützen: Ein Teil derer, die zugestimmt haben, vom Zufall bestimmt, hört dann von einem Angebot nichts.
notice-for-values = In manchen Nachrichten steht eine Zahl des Augenblicks, etwa die Wartezeit an der Kasse. Sie handelt vom Laden, nicht von Ihnen.

## Wie oft

notice-often = Wie oft höchstens?
notice-often-lead = Das gilt für jeden einzelnen Menschen, und keine Werbeaktion kommt daran vorbei:
notice-cap-customer = { $n ->
    [0] keine Angebote, { $window }
    [one] höchstens ein Angebot, { $window }
   *[other] höchstens { $n } Angebote, { $window }
}
notice-cap-visit = { $n ->
    [0] keine Angebote während eines Besuchs
    [one] höchstens ein Angebot während eines Besuchs
   *[other] höchstens { $n } Angebote während eines Besuchs
}
notice-cap-gap = zwischen zwei Angeboten mindestens { $time }
notice-cap-campaign = { $n ->
    [0] keine Angebote aus Werbeaktionen, { $window }
    [one] dasselbe Angebot höchstens einmal, { $window }
   *[other] dasselbe Angebot höchstens { $n }-mal, { $window }
}
notice-cap-category = { $n ->
    [0] keine Angebote derselben Warengruppe, { $window }
    [one] höchstens ein Angebot derselben Warengruppe, { $window }
   *[other] höchstens { $n } Angebote derselben Warengruppe, { $window }
}
notice-cap-zone = { $n ->
    [0] keine Angebote im selben Bereich, { $window }
    [one] höchstens ein Angebot im selben Bereich, { $window }
   *[other] höchstens { $n } Angebote im selben Bereich, { $window }
}
notice-cap-site = { $n ->
    [0] keine Angebote in diesem Laden, { $window }
    [one] höchstens ein Angebot in diesem Laden, { $window }
   *[other] höchstens { $n } Angebote in diesem Laden, { $window }
}
notice-cap-service = { $n ->
    [0] keine Servicenachrichten, { $window }
    [one] daneben höchstens eine Servicenachricht, { $window }
   *[other] daneben höchstens { $n } Servicenachrichten, { $window }
}
notice-window = über { $time } gezählt
notice-window-ever = insgesamt, solange Sie mitmachen
notice-often-quiet = Von { $from } bis { $to } Uhr sagt Emma niemandem etwas.
notice-often-closed = Ist der Laden geschlossen, schweigt sie auch.
notice-often-dropped = Was nicht passt, fällt weg und wird nicht nachgeholt. Für sich selbst können Sie engere Grenzen setzen, nie weitere.
notice-often-shop = Dieses Versprechen gilt in diesem Laden. Läden erzählen einander nicht, was sie gesagt haben; ein anderer zählt also für sich.

## Was aufbewahrt wird

notice-kept = Was wird aufbewahrt, und wie lange?
notice-kept-lead = Alles liegt auf einem Computer im Laden, in einem Ordner, den nur Emma öffnen kann und wer diesen Computer betreut. Von Menschen, die sich nicht angemeldet haben, steht nichts darin.
notice-kept-lent = Wenn Sie mit einer App teilnehmen, sagt sie, dass Sie da sind, und wer sie betreibt, leiht diesem Laden Ihre Erlaubnis, oft für ein paar Stunden. Sie gilt nur, solange von dort immer wieder gesagt wird, dass sie steht; bleibt das aus, erkennt Emma Sie von selbst nicht mehr, spätestens nach einem Tag.
notice-kept-head = Was
    .why = Wozu
    .time = Wie lange
notice-kept-consent = Womit Sie einverstanden sind und was Sie über sich gesagt haben, woran Ihr Gerät erkannt wird, und Ihre Briefkästen
    .why = Damit Emma Sie erkennt und weiss, was Ihnen recht ist
    .time = bis Sie sich abmelden, längstens noch { $time }, nachdem Ihre Einwilligung abgelaufen ist; länger nur, solange ein Angebot an Sie gilt oder wo eine Grenze, die Sie sich selbst gesetzt haben, weiter zurückreicht
    .purpose = um zu wissen, womit Sie einverstanden sind, woran Ihre Geräte erkannt werden und wohin Angebote an Sie gehen; was darin nicht steht, tut Emma nicht
    .origin = von Ihnen, durch die Stelle, bei der Sie sich angemeldet haben
notice-kept-offers-made = Was Ihnen gesagt wurde, wann und in welchem Bereich
    .why = Damit es nie mehr wird als versprochen
    .time = { $time }, so weit, wie ein Versprechen in diesem Laden zurückreicht; länger nur, wo eine Grenze, die jemand für sich gesetzt hat, weiter zurückreicht
    .ever = bis Sie sich abmelden: Jemandes Grenze in diesem Laden hat kein Ende
    .purpose = um die Versprechen zu halten, wie oft Ihnen etwas gesagt wird: Jedes Angebot zählt, auch eines, das nicht gesagt wurde, weil Sie in einer Kontrollgruppe sind (`ghost`)
    .origin = Emma hat es aufgeschrieben, als das Angebot gemacht wurde
notice-kept-visit = Ihr Besuch, solange er dauert: seit wann und in welchem Bereich
    .why = Damit ein Angebot einmal kommt und am richtigen Ort
    .time = noch { $time }, nachdem Sie zuletzt gehört wurden
    .purpose = um Ihren Besuch nach einem Neustart fortzusetzen, damit kein Versprechen über einen Besuch von vorn beginnt
    .origin = von Ihrem Gerät, wie es die Empfänger des Ladens gehört haben
notice-kept-at-work = Dass Sie hier arbeiten
    .why = Damit das Personal in Ruhe gelassen wird
    .time = bis zum nächsten Tag
    .purpose = um Sie für den Rest eines Tages nicht zu sehen, an dem Sie länger als drei Stunden im Laden waren: Sie arbeiten dort
    .origin = daraus, wie lange Ihr Gerät an diesem Tag gehört wurde
notice-kept-stance = Was Sie von Angeboten hielten: Ihr Ja und Nein, was Sie gekauft haben, eine Pause; als Punkte und Daten, nicht als Tagebuch
    .why = Damit ein Nein ein Nein ist
    .time = bis Sie sich abmelden, längstens noch { $time }, nachdem Ihre Einwilligung abgelaufen ist; Käufe und Wünsche, bis Sie damit nicht mehr einverstanden sind
    .purpose = um weniger von dem zu sagen, was Sie nicht wollen, und nichts über das, was Sie gekauft haben: Punkte, Daten, Ja oder Nein, kein Verlauf. Gezeigte und erfüllte Wünsche werden als Zahlen aufbewahrt, die für sie stehen
    .origin = aus Ihren Antworten auf Angebote und, wenn Sie damit einverstanden sind, von der Kasse
notice-kept-offers-that-hold = Ein Angebot, das noch gilt, und was Sie darauf geantwortet haben
    .why = Damit Sie antworten und nach dem Grund fragen können und es zurückgenommen werden kann
    .time = bis das Angebot endet
    .purpose = um zu verstehen, was Sie auf ein Angebot antworten, um Ihnen zu sagen, warum es gemacht wurde, und um es zurückzunehmen: eines für jedes Exemplar eines Empfängers
    .origin = Emma hat es aufgeschrieben, als das Angebot gemacht wurde, und was Sie darauf geantwortet haben
notice-kept-messages = Nachrichten, die unterwegs zu Ihnen sind
    .why = Damit keine verloren geht und keine zweimal kommt
    .time = bis sie übergeben sind, längstens bis das Angebot endet
    .purpose = um ein Angebot, oder das Wort, dass es beendet ist, an einen Empfänger zu übergeben, den Ihre Einwilligung nennt
    .origin = Emma hat es aufgeschrieben, als es etwas zu sagen gab
notice-kept-said-no = Nachdem Ihre Einwilligung abgelaufen ist: wozu Sie Nein gesagt hatten, unter einem verschlüsselten Zeichen
    .why = Damit Ihr Nein noch gilt, wenn Sie wiederkommen
    .time = { $time }, nachdem alles andere weg ist; melden Sie sich ab, sofort weg
    .purpose = damit nicht gesagt wird, wozu Sie Nein gesagt haben, wenn Sie wiederkommen: was still ist und bis wann, unter einem verschlüsselten Zeichen für Ihr Pseudonym; nichts, was Ihnen gefiel oder was Sie gekauft haben
    .origin = Emma hat es behalten, als Ihre Einwilligung abgelaufen war und alles andere von Ihnen gelöscht wurde
notice-kept-forgotten = Nachdem Sie sich abgemeldet haben oder Ihre Einwilligung abgelaufen ist: ein verschlüsseltes Zeichen und ein Datum
    .why = Damit das Versprechen auch für die gilt, die wiederkommen
    .time = { $time }, so weit, wie das Versprechen des Ladens an alle zurückreicht
    .purpose = damit die Versprechen, wie oft Ihnen etwas gesagt wird, auch gelten, wenn Sie wiederkommen: ein verschlüsseltes Zeichen für Ihr Pseudonym und ein Datum
    .origin = Emma hat es aufgeschrieben, als Sie vergessen wurden
notice-kept-visit-now =
    .time = noch { $time }, nachdem Sie zuletzt gehört wurden
    .purpose = um zu wissen, in welchem Bereich des Ladens Sie sind und ob ein Angebot dort willkommen ist. Wie stark Ihr Gerät in den letzten Sekunden gehört wurde, gehört dazu und wird hier nicht ausgeschrieben
    .origin = von Ihrem Gerät, wie es die Empfänger des Ladens gehört haben
notice-kept-lease =
    .time = mit Ihrer Einwilligung, längstens noch { $time }, nachdem sie abgelaufen ist
    .purpose = um zu wissen, bis wann Ihre Einwilligung hier gilt: bis zu dem Ende, das sie nennt, oder so lange, wie die Stelle, bei der Sie sich angemeldet haben, sie verlängert
    .origin = aus Ihrer Einwilligung und, wo sie verlängert werden muss, daraus, wann Emma zuletzt von jener Stelle gehört hat
notice-kept-withdrawn-lately =
    .time = { $time }, oder bis Emma neu startet
    .purpose = damit keine alte Nachricht Sie zurückbringt, nachdem Sie sich abgemeldet haben: ein verschlüsseltes Zeichen für Ihr Pseudonym und die Nummer Ihrer Abmeldung
    .origin = Emma hat es sich gemerkt, als Sie sich abmeldeten
notice-kept-remains = Eines bleibt zurück, wenn Sie Nein sagen: ein Zeichen, mit einem geheimen Schlüssel aus Ihrem erfundenen Namen errechnet, und dazu ein einziges Datum, { $time } lang. Es verrät nicht, wer Sie waren. Es ist da, damit niemand, der sich ab- und wieder anmeldet, mehr Angebote erhält, als wir versprochen haben. Danach ist auch das weg.

## Wer etwas erhält

notice-gets = Wer erhält was?
notice-gets-lead = Angebote gehen an einen Briefkasten ohne Namensschild. Überbracht werden sie Ihnen von diesen hier, und so gibt der Laden an, was sie damit tun:
notice-gets-recipient = { $name }: { $purpose }
notice-gets-nobody = Zurzeit niemand: Es ist niemand genannt, der Ihnen ein Angebot überbringen würde, und keines verlässt den Laden.
notice-gets-what = Sie erhalten den Text des Angebots, den Bereich, um den es geht, wie lange es gilt und warum man es Ihnen sagt. Sie erhalten nicht Ihren erfundenen Namen, nicht die Nummer Ihres Geräts, nicht Ihren Weg durch den Laden und nicht, was andere Ihnen gesagt haben; und zwei von ihnen können ihre Teile nicht zusammensetzen.
notice-gets-declared = Was sie damit tun, kann Emma nicht sehen. Dafür steht der Laden ein, mit den Worten oben.
notice-gets-accepted = Nur wen Sie bei der Anmeldung angenommen haben, überbringt Ihnen etwas. Wer später dazukommt, erhält nichts von Ihnen, bis Sie zugestimmt haben.

## Was nicht geschieht

notice-not = Was Emma nicht tut
notice-not-follow = Sie läuft Ihnen nicht nach. Es gibt keine Karte Ihrer Wege und kein Tagebuch Ihrer Besuche: Ist ein Besuch vorbei, vergisst sie, wo Sie waren, und behält nur, was sie Ihnen in welchem Bereich gesagt hat.
notice-not-guess = Sie rät nicht. Aus dem, was Sie kaufen, schliesst sie nichts über Sie, und niemanden kennt sie besser, als er oder sie es wollte.
notice-not-sell = Sie verkauft nichts, und es steht kein Werbenetz hinter ihr. Was den Laden verlässt, ist ein Angebot an einen Briefkasten.

## Wie man Nein sagt

notice-no = Wie sage ich Nein?
notice-no-softly = So sanft oder so bestimmt, wie Sie mögen. Wischen Sie ein Angebot weg, ist für so etwas einen Tag lang Ruhe, beim nächsten Mal zwei Wochen, dann drei Monate. «Nichts mehr davon» gilt, bis Sie es anders sagen. Sie können auch für eine Weile um Ruhe bitten oder um eine Pause von allem.
notice-no-withdraw = Und Sie können sich ganz abmelden, jederzeit und ohne Grund: { $withdraw }.
notice-no-then = Dann sagt Emma Ihnen nichts mehr, meist nach weniger als zwei Sekunden, nimmt zurück, was unterwegs ist, und löscht alles, was sie von Ihnen hat. Nur das verschlüsselte Zeichen, von dem oben die Rede ist, bleibt eine Weile.
notice-no-rights = Sie dürfen alles sehen, was über Sie gespeichert ist, es berichtigen lassen, eine Kopie mitnehmen oder es löschen lassen. Schreiben Sie an { $contact }.
notice-no-responsible = Verantwortlich für das alles: { $controller }.
notice-no-authority = Unsere Antwort stellt Sie nicht zufrieden? Sie können sich bei der Behörde beschweren: { $authority }.
notice-no-any-authority = Unsere Antwort stellt Sie nicht zufrieden? Sie können sich bei der Datenschutzbehörde an Ihrem Wohnort beschweren.

## Grenzen

notice-limits = Was Emma nicht kann
notice-limits-copy = Ein einfacher Anhänger sendet immer dieselbe Nummer, und wer sie nachmacht, kann sich für Sie ausgeben: Emma kann die Kopie nicht vom Original unterscheiden. Über Sie erfährt man dabei nichts; schlimmstenfalls kommt in Ihren Briefkasten ein Angebot für den Ort, an dem die andere Person steht. Ist Ihr Anhänger weg, lassen Sie ihn streichen.
notice-limits-backups = Sicherungskopien, die der Laden von seinem Computer macht, und Aufzeichnungen für Versuche liegen ausserhalb von Emmas Reichweite. Löschen muss sie, wer sie gemacht hat.
notice-limits-flash = Was gelöscht ist, lässt sich über das Dateisystem nicht mehr lesen. Tief in einer Speicherkarte können Spuren bleiben, bis sie überschrieben sind.
notice-limits-arrived = Was auf Ihrem Handy angekommen ist, ist dort; Emma kann sagen, dass es nicht mehr gilt, zurückholen kann sie es nicht.
notice-limits-rough = Bluetooth ist ungenau. Emma sagt lieber nichts, als jemanden am falschen Ort zu vermuten.

## Fragen

notice-faq = Was Leute fragen
notice-ask-stranger = Ich habe mich nicht angemeldet. Sieht mich Emma?
    .answer = Sie hört ein Signal, das sie nicht kennt, und vergisst es im selben Augenblick. Es wird nirgends aufgeschrieben, nicht einmal als Zahl der Besuche. Gezählt wird nur, wie viele Signale es von allen Geräten zusammen waren, damit ein kaputter Empfänger auffällt.
notice-ask-bluetooth = Soll ich Bluetooth ausschalten?
    .answer = Wegen Emma müssen Sie das nicht. Ob ein oder aus: Sie kennt nur, wer sich angemeldet hat.
notice-ask-name = Weiss Emma, wie ich heisse?
    .answer = Nein. Sie hat einen erfundenen Namen für Sie und die Sprache, in der Sie gern lesen. Wie Sie heissen und wie man Sie erreicht, weiss nur, wo Sie sich angemeldet haben.
notice-ask-staff = Kann das Personal sehen, wo ich bin?
    .answer = Nein, es gibt keinen Bildschirm, der zeigt, wer wo ist. Der Laden liest Summen einer Woche, und Gruppen von weniger als { $few } werden weggelassen. Um auf «Warum habe ich das erhalten?» antworten zu können, kann, wer den Computer betreut, einen erfundenen Namen nachschlagen, mehr nicht.
notice-ask-why = Warum sagt man mir gerade das?
    .answer = Das steht bei jedem Angebot: was der Anlass war, was berücksichtigt wurde und wie Sie Nein sagen. Hören Sie nichts, können Sie auch dafür nach dem Grund fragen.
notice-ask-child = Und mein Kind?
    .answer = Das Handy eines Kindes, das niemand angemeldet hat, ist ein fremdes Handy wie jedes andere. { $adults ->
        [only] Angemeldet werden können nur Erwachsene.
       *[all] Angemeldet wird niemand ohne sein eigenes Wort oder das derer, die für ihn sorgen.
    }
notice-ask-changes = Und wenn sich dieser Hinweis ändert?
    .answer = Wer neu Angebote überbringt, und neue Waren, die sonst niemanden etwas angehen: Beides kommt bei Ihnen erst dazu, wenn Sie zugestimmt haben. Was sich sonst geändert hat, steht in Worten neben diesem Hinweis.

## Für das Personal

notice-staff-title = Emma bei { $shop }: was wir antworten
notice-staff-lead = Wenn jemand fragt, antworten Sie kurz und freundlich. Technisch müssen Sie nichts wissen, und «Das finde ich für Sie heraus» ist eine gute Antwort.
notice-staff-follow = «Verfolgen Sie mich?»
    .answer = Nein. Emma erkennt nur, wer sich selbst angemeldet hat. Von allen anderen behält sie nichts, und auch wer angemeldet ist, wird nicht verfolgt: Sie weiss ungefähr, in welchem Bereich jemand ist, und vergisst es nach dem Besuch.
notice-staff-unwanted = «Das will ich nicht.»
    .answer = Wenn Sie sich nicht angemeldet haben, brauchen Sie nichts zu tun. Wenn doch: { $withdraw }. Es dauert meist keine zwei Sekunden.
notice-staff-know = «Was wissen Sie über mich?»
    .answer = Wir hier im Laden: nichts. Was Emma hat, liegt unter einem erfundenen Namen, und Sie dürfen alles davon sehen: { $contact }.
notice-staff-gets = «Wer bekommt meine Daten?»
    .answer = Ein Angebot geht an { $recipients }, ohne Ihren Namen und ohne Ihren Weg durch den Laden.
notice-staff-nobody = «Wer bekommt meine Daten?»
    .answer = Zurzeit niemand.
notice-staff-often = «Werde ich jetzt dauernd belästigt?»
    .answer = Kaum: { $caps }.
notice-staff-lost = «Ich habe meinen Anhänger verloren.»
    .answer = Gut, dass Sie es sagen; wir lassen ihn gleich streichen: { $withdraw }.
notice-staff-complain = «Ich will mich beschweren.»
    .answer = Das ist Ihr gutes Recht. Bitte schreiben Sie an { $contact }; { $authority ->
        [none] auch die Datenschutzbehörde an Ihrem Wohnort ist für Sie da.
       *[other] auch die Behörde ist für Sie da: { $authority }.
    }
notice-staff-never = Bitte niemanden überreden, niemanden ungefragt anmelden und nichts versprechen, was nicht im Hinweis steht.

## Was sich geändert hat

notice-changes-title = Was sich bei { $shop } geändert hat
notice-changes-lead = Fassung { $new } des Hinweises, verglichen mit Fassung { $old }.
notice-changes-none = An dem, was der Hinweis sagt, hat sich nichts geändert.
notice-changes-wider = Was jetzt weiter geht
notice-changes-wider-note = Wer neu Angebote überbringt, und neue sensible Waren: Beides bleibt allen fern, die vorher zugestimmt haben, bis sie neu zustimmen. Dafür sorgt Emma. Alles andere hier gilt für alle, sobald die Einstellungen in Kraft sind. Sagen Sie es den Leuten also vorher, und fragen Sie neu, wo die Einwilligung es decken muss.
notice-changes-narrower = Was jetzt enger ist
notice-changes-other = Was sonst anders lautet
notice-changed = Geändert: { $what }. Vorher: { $old }. Jetzt: { $new }.
notice-added = Neu: { $what }.
notice-gone = Nicht mehr: { $what }.
notice-with = { $what } ({ $value })
notice-what-controller = wer verantwortlich ist
notice-what-contact = wohin man schreibt
notice-what-authority = die Behörde
notice-what-withdraw = wie man Nein sagt
notice-what-notice-url = wo der Hinweis zu lesen ist
notice-what-receivers = die Zahl der Empfänger
notice-what-caps = eine Grenze
notice-what-gap = die Zeit zwischen zwei Angeboten
notice-what-quiet-hours = die Ruhezeit
notice-what-hours = { $from } bis { $to }
notice-what-recipient = wer Angebote überbringt
notice-what-zone = der Bereich «{ $name }» wird unterschieden
notice-what-sensitive-zone = im Bereich «{ $name }» weiss Emma von niemandem
notice-what-category = die Waren «{ $name }»
notice-what-sensitive-category = die Waren «{ $name }» als sensible, nur für die, die sie genannt haben
notice-what-replacement = die Ruhe nach einem Kauf von «{ $name }»
notice-what-offer = Angebote
notice-what-reward = Dankeschöns
notice-what-service = Servicenachrichten
notice-what-interests = Angebote nach Interessen
notice-what-price-band = Angebote nach Preislage
notice-what-wishes = Angebote nur auf Wünsche hin
notice-what-control-groups = messen, was Angebote bewirken
notice-what-live-values = Zahlen des Augenblicks in Nachrichten
notice-what-opening-hours = Schweigen, solange der Laden geschlossen ist
notice-what-adults-only = nur Erwachsene können mitmachen
notice-what-inside = Empfänger, die alles weiterreichen, was sie hören, im ladeneigenen Netz
notice-what-outside = Empfänger, die alles weiterreichen, was sie hören, über ein Netz, das nicht das ladeneigene ist
notice-what-between-pis = Empfänger, die im Laden miteinander sprechen
notice-what-phones = Handys, die sagen, welche Funkbaken des Ladens sie hören
notice-what-playback = Aufzeichnungen, abgespielt, als geschähen sie jetzt
notice-what-kept = wie lange aufbewahrt wird: { $what }
