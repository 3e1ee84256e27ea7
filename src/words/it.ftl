### Quello che Emma dice in italiano. Breve, gentile, con il Lei, come si parla in negozio.

## Lo schermo bloccato

lock-screen = Emma ha qualcosa per Lei

## Perché è stata fatta un’offerta, per la clientela: che cosa è successo, poi una frase per tutto ciò che ha contato

why-entered = Ha raggiunto la zona «{ $zone }».
why-dwelled = Ha trascorso almeno { $time } nella zona «{ $zone }».
why-left = Ha lasciato la zona «{ $zone }».
why-asked = Ha chiesto che cosa c’è nella zona «{ $zone }».
why-consent = { $class ->
    [service] Ha acconsentito a ricevere messaggi in questo negozio.
   *[offer] Ha acconsentito a ricevere offerte in questo negozio.
}
why-earlier-offers = Abbiamo tenuto conto di quanto Le abbiamo già detto, per non disturbarLa troppo spesso.
why-interests = Ci ha detto che queste cose Le interessano.
why-wishes = Ci ha chiesto di ricordarLe queste cose in negozio.
why-price-band = Rientra nella fascia di prezzo che ci ha indicato.
why-purchases = Abbiamo tenuto conto dei Suoi acquisti, per non proporLe quello che ha già.
why-feedback = Abbiamo tenuto conto di come ha reagito alle offerte precedenti.
why-no = Può dire di no in ogni momento: a queste cose, a tutto o per un po’.

## Durate

time-seconds = { $n ->
    [one] { $n } secondo
   *[other] { $n } secondi
}
time-minutes = { $n ->
    [one] { $n } minuto
   *[other] { $n } minuti
}
time-hours = { $n ->
    [one] { $n } ora
   *[other] { $n } ore
}
time-days = { $n ->
    [one] { $n } giorno
   *[other] { $n } giorni
}
time-months = { $n ->
    [one] { $n } mese
   *[other] { $n } mesi
}

## I controlli: che cosa chiede ciascuno, e il suo no, per la clientela e per la direzione del negozio

reason-consent =
    .question = Il consenso vale per questo?
    .customer = Il Suo consenso non vale per messaggi di questo tipo.
    .manager = Il consenso non vale per questo.
reason-clock =
    .question = L’ora è certa?
    .customer = L’ora non era certa, e in questo caso preferiamo non dire nulla.
    .manager = L’ora non è certa.
reason-paused =
    .question = Né pausa né arresto?
    .customer = Ha chiesto una pausa o il silenzio, oppure abbiamo sospeso questo messaggio.
    .manager = La persona o il negozio ha chiesto una pausa, oppure la campagna è ferma.
reason-quiet =
    .question = Negozio aperto, fuori dalle ore di riposo?
    .customer = Sono ore di riposo, le Sue o quelle di tutti, oppure il negozio è chiuso.
    .manager = Ore di riposo, la persona per un po’ non vuole sentire nulla, oppure il negozio è chiuso.
reason-inactive =
    .question = La campagna è in corso in questo momento?
    .customer = Questa offerta non è disponibile in questo momento.
    .manager = La campagna non è in corso in questo giorno o a quest’ora, oppure i suoi codici sono esauriti.
reason-audience =
    .question = È pensata per questa persona?
    .customer = Questa offerta è pensata per interessi, desideri o fasce di prezzo diversi da quelli che ci ha indicato, e noi non tiriamo a indovinare.
    .manager = Per interessi, fasce di prezzo o desideri diversi da quelli indicati.
reason-bought =
    .question = L’ultimo acquisto è abbastanza lontano?
    .customer = Ha già acquistato un articolo di questo tipo, e probabilmente non è ancora ora di sostituirlo.
    .manager = Già acquistato, e non ancora da sostituire.
reason-declined =
    .question = Non c’è già stato un rifiuto?
    .customer = Di recente ha lasciato da parte messaggi di questo tipo, oppure non ne vuole più.
    .manager = Messaggi di questo tipo sono stati lasciati da parte o rifiutati.
reason-stale-value =
    .question = I valori nel testo sono aggiornati?
    .customer = Un dato di questo messaggio non era aggiornato, e non vogliamo dirLe nulla di sbagliato.
    .manager = Un valore nel testo non è aggiornato.
reason-outranked =
    .question = Nessun’altra campagna ha la precedenza?
    .customer = Qualcos’altro aveva la precedenza; diciamo una cosa alla volta.
    .manager = Un’altra campagna aveva la precedenza.
reason-cap-customer =
    .question = C’è ancora posto per un’offerta?
    .customer = Ha già ricevuto il numero massimo di offerte previsto.
    .manager = Il limite di offerte per una persona è raggiunto.
reason-cap-visit =
    .question = C’è ancora posto in questa visita?
    .customer = In questa visita ha già ricevuto il numero massimo di offerte previsto.
    .manager = Il limite per una visita è raggiunto.
reason-cap-gap =
    .question = È passato abbastanza tempo dall’ultima offerta?
    .customer = È passato ancora poco tempo dalla Sua ultima offerta.
    .manager = È passato troppo poco tempo dall’ultima offerta.
reason-cap-campaign =
    .question = C’è ancora posto per questa campagna?
    .customer = Di questa offerta Le abbiamo già parlato abbastanza.
    .manager = Il limite per la campagna è raggiunto.
reason-cap-category =
    .question = C’è ancora posto in questa categoria?
    .customer = Di articoli di questo tipo Le abbiamo parlato abbastanza per ora.
    .manager = Il limite per la categoria è raggiunto.
reason-cap-zone =
    .question = C’è ancora posto in questa zona?
    .customer = In questa parte del negozio Le abbiamo detto abbastanza per ora.
    .manager = Il limite per la zona è raggiunto.
reason-cap-site =
    .question = C’è ancora posto in questo negozio?
    .customer = In questo negozio Le abbiamo detto abbastanza per ora.
    .manager = Il limite per il negozio è raggiunto.
reason-cap-budget =
    .question = Il consenso permette ancora un’offerta?
    .customer = Ha già ricevuto tutte le offerte a cui ha acconsentito.
    .manager = Il numero di offerte che il consenso permette è esaurito.
reason-cap-service =
    .question = C’è ancora posto per un messaggio di servizio?
    .customer = Ha già ricevuto il numero massimo di messaggi di servizio previsto.
    .manager = Il limite di messaggi di servizio è raggiunto.
reason-control =
    .question = Fuori dal gruppo di controllo?
    .customer = Ha accettato che misuriamo l’effetto delle nostre offerte. Per farlo, una parte della clientela, scelta dal caso, non sente parlare di questa offerta, e Lei ne fa parte.
    .manager = Gruppo di controllo: la misurazione è stata accettata, e il caso vuole che non si dica nulla.
reason-ledger =
    .question = Se ne può tenere traccia?
    .customer = Non potevamo tenerne traccia, e in questo caso preferiamo non dire nulla, per non disturbarLa troppo spesso.
    .manager = Il registro delle offerte fatte non è raggiungibile.
reason-outbox =
    .question = Può partire in tempo?
    .customer = Troppi messaggi aspettavano di partire; il Suo sarebbe arrivato troppo tardi.
    .manager = Troppi messaggi aspettano di partire.

## Il rapporto della settimana, per la direzione del negozio e per chiunque lo chieda

-few = meno di 20
-untold = { -few }, quindi non indicato

report-head = { $state ->
    [unfinished] La discrezione di { $site } nella settimana { $week }, finora.
   *[over] La discrezione di { $site } nella settimana { $week }.
}
report-visits = Visite: { $number ->
    [untold] { -untold }
   *[other] { $number }
}.
report-silent = Visite senza offerta: { $percent ->
    [untold] { -untold }
   *[other] { $percent }%
}.
report-most = Numero massimo di offerte a una stessa persona { $window }: { $number }, con un limite di { $cap }.
report-withheld = Offerta non fatta, { $number ->
    [untold] { -few } volte
    [1] una volta
   *[other] { $number } volte
}: { $why }
report-dismissed = Offerte scartate: { $percent ->
    [untold] { -untold }
   *[other] { $percent }%
}.
report-helpful = Offerte giudicate utili: { $percent ->
    [untold] { -untold }
   *[other] { $percent }%
}.
report-withdrawal = Tempo più lungo tra una revoca e il silenzio: { $time ->
    [none] nessuna revoca
   *[other] { $time }
}.
report-oldest = Età dei dati personali più vecchi: { $days ->
    [none] non ne è conservato nessuno
    [0] sono di oggi
    [1] un giorno
   *[other] { $days } giorni
}.
report-campaign = { $campaign }: { $delivered ->
    [untold] proposta { -few } volte
   *[other] proposta { $delivered } volte, di cui { $displayed }% mostrate, { $opened }% aperte, { $redeemed }% riscattate, { $dismissed }% scartate
}.
report-control = { $campaign }: { $number } volte non è stato detto nulla al gruppo di controllo.

window-rolling = in { $time }
window-visit = in una visita
window-ever = in tutto

## Tutto ciò che è registrato di una persona, a lei

export-title = Che cosa Emma ha registrato di { $customer } in questo negozio, il { $at }
export-controller = Ne risponde { $controller } ({ $contact }).
export-head =
    .for = perché
    .from = da dove
    .kept = per quanto
export-place =
    .disk = sul disco
    .memory = solo in memoria
export-nothing = Non è registrato nulla di: { $kinds }.
export-nobody = Non è registrato nulla: Emma non conosce questa persona.

## La ricevuta di un consenso, alla cliente e al cliente

receipt-head = Il Suo consenso in { $shop }
receipt-state = { $state ->
    [expired] È scaduto: non Le diciamo più nulla.
    [renewed] Ha detto di sì ancora una volta.
   *[given] Ha detto di sì.
}
receipt-given = È stato il { $date }.
receipt-holds = Vale dal { $from } al { $until }.
receipt-notice = Ha accettato l’informativa nella versione { $version }.
receipt-tier-on-request = Le diciamo qualcosa solo quando lo chiede.
receipt-tier-contextual = Le diciamo ciò che si addice alla parte del negozio in cui si trova.
receipt-tier-personal = Le diciamo ciò che si addice alla parte del negozio in cui si trova e a quanto ha detto di sé.
receipt-for-offers = Riceve offerte.
receipt-for-personalisation = Quanto ha detto di sé conta nello sceglierle.
receipt-for-lift-measurement = Possiamo misurare l’effetto delle nostre offerte.
receipt-for-nothing = Nessuno scopo è attivato: non Le diciamo nulla.
receipt-devices = { $n ->
    [one] Emma La riconosce da una cosa che ha registrato.
   *[other] Emma La riconosce da { $n } cose che ha registrato.
}
receipt-nobody = Le Sue offerte non vanno a nessuno.
receipt-gets = Le Sue offerte vanno a: { $recipients }.
receipt-no = Può ritirarlo in ogni momento e senza motivo: { $withdraw }.
receipt-proof = Chi L’ha registrata conserva la prova, con il riferimento { $proof }.
receipt-number = Ricevuta { $number }. Emma La conosce con questo nome inventato, e non sa chi è.
