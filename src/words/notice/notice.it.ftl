### L’avviso per la porta del negozio, la pagina che lo spiega, che cosa risponde il personale e che cosa è cambiato. Per
### la clientela: frasi brevi, niente burocratese, nessuna promessa che Emma non mantenga.

notice-title = Emma da { $shop }
notice-version = Versione { $version } di questo avviso, scritta da Emma { $emma } in base alle impostazioni in vigore in questo negozio.

## La porta: un foglio di carta

notice-door-head = Emma saluta soltanto chi desidera essere salutato
notice-door-what = Emma è un piccolo computer in questo negozio. Ascolta i segnali Bluetooth delle clienti e dei clienti che si sono iscritti da noi e, ogni tanto, dice loro qualcosa di utile proprio nel punto in cui si trovano.
notice-door-you-head = Non partecipa?
notice-door-you = Allora non deve fare nulla. Emma non conosce il Suo telefono, il Suo orologio né le Sue cuffie: non ne annota nulla, non La conta come visita e non ne parla con nessuno.
notice-door-no-head = Partecipa e ha cambiato idea?
notice-door-no = Qui dice di no: { $withdraw }. Di solito in meno di due secondi Emma non Le dice più nulla e La dimentica.
notice-door-not = Nessuna telecamera, nessun microfono, nessun satellite: Emma sente il Bluetooth e nient’altro.
notice-door-adults = La partecipazione è riservata agli adulti.
notice-door-more = Tutto nei particolari
notice-door-room = Spazio per un codice QR
notice-door-responsible = Responsabile: { $controller }. Domande: { $contact }.

## Che cosa si sente

notice-heard = Che cosa sente Emma?
notice-heard-signals = Molte cose emettono brevi segnali Bluetooth: telefoni, portachiavi, orologi. { $receivers ->
    [one] Un ricevitore in questo negozio sente quanto sono forti.
   *[other] { $receivers } ricevitori in questo negozio sentono quanto sono forti.
} Da questo Emma capisce all’incirca in quale parte del negozio si trova qualcuno, mai il punto preciso.
notice-heard-zones = Le zone che distingue: { $zones }.
notice-heard-sensitive = Ci sono luoghi in cui si vuole stare in pace: { $zones }. Lì Emma non colloca nessuno e non ne ricorda nulla.
notice-heard-remote = Alcuni ricevitori sono molto semplici. Passano a Emma ogni segnale che sentono, attraverso { $way ->
    [inside] la rete del negozio
   *[outside] la rete
}, e lei butta via subito ciò che non viene da chi partecipa.
notice-heard-pis = I ricevitori si parlano all’interno del negozio. A ciascuno viene detta solo un’impronta da cui La riconoscerebbe, mai il numero del Suo dispositivo.
notice-heard-phones = Ad ascoltare può essere anche il Suo telefono: l’app sente i segnalatori del negozio e dice a Emma quali. Così il telefono non deve emettere nulla via Bluetooth.
notice-heard-playback = Questa Emma è un banco di prova: riproduce registrazioni come se accadessero ora.
notice-heard-example = Un esempio: qualcuno con un portachiavi iscritto è nella zona «{ $zone }». Emma sa che lì c’è una persona che partecipa, e da quando. Non sa come si chiama, che aspetto ha né che cosa ha nel cestino.

## Di chi

notice-whose = I segnali di chi?
notice-whose-customers = Solo quelli di chi si è iscritto. Emma li conosce con un nome inventato; chi c’è dietro lo sa soltanto chi ha raccolto la Sua iscrizione. Tutti gli altri le sono estranei, e tali restano.
notice-whose-adults = Può partecipare solo chi ha dichiarato di essere maggiorenne.
notice-whose-work = Chi resta in negozio più di tre ore ci lavora e non sta facendo acquisti. Fino al giorno dopo Emma non gli dice più nulla e non annota altro.

## Perché

notice-for = A che scopo?
notice-for-lead = Perché Lei venga a sapere:
notice-for-offer = di un’offerta, là dove Le serve;
notice-for-reward = di un grazie per la visita;
notice-for-service = ciò che deve sapere, per esempio che un ordine è pronto o che un prodotto è richiamato: mai con pubblicità.
notice-for-nothing = Al momento il negozio non ha previsto nulla che Emma possa dire.
notice-for-tiers = È Lei a scegliere quanto: solo risposte quando chiede; offerte adatte alla parte del negozio in cui si trova; oppure anche offerte personali. Ogni scopo ha un suo interruttore, spento finché non lo accende.
notice-for-personal = Per le offerte personali Emma si attiene a ciò che ha detto Lei: { $declared }. Se la cassa le dice che cosa ha comprato, Le risparmia altre cose uguali. Non indovina nulla: né i Suoi gusti né il Suo reddito.
notice-declared-favourites = i Suoi articoli preferiti
notice-declared-wishes = i Suoi desideri («ricordamelo in negozio»)
notice-declared-interests = i Suoi interessi
notice-declared-price-band = la Sua fascia di prezzo
notice-for-bought = Chi ha comprato viene lasciato in pace per un bel po’: { $intervals }.
notice-for-sensitive = Certi articoli riguardano soltanto Lei: { $categories }. Ne sente parlare solo se li ha indicati Lei.
notice-for-control = Se ha acconsentito, misuriamo se le offerte servono a qualcosa: una parte di chi ha acconsentito, scelta dal caso, in quel caso non sente nulla di un’offerta.
notice-for-values = In certi messaggi c’è una cifra del momento, come l’attesa alla cassa. Riguarda il negozio, non Lei.

## Quanto spesso

notice-often = Quante volte al massimo?
notice-often-lead = Vale per ogni singola persona, e nessuna campagna può andare oltre:
notice-cap-customer = { $n ->
    [0] nessuna offerta { $window }
    [one] al massimo un’offerta { $window }
   *[other] al massimo { $n } offerte { $window }
}
notice-cap-visit = { $n ->
    [0] nessuna offerta durante una visita
    [one] al massimo un’offerta per visita
   *[other] al massimo { $n } offerte per visita
}
notice-cap-gap = almeno { $time } tra due offerte
notice-cap-campaign = { $n ->
    [0] nessuna offerta di campagne { $window }
    [one] la stessa offerta al massimo una volta { $window }
   *[other] la stessa offerta al massimo { $n } volte { $window }
}
notice-cap-category = { $n ->
    [0] nessuna offerta dello stesso genere di articoli { $window }
    [one] al massimo un’offerta dello stesso genere di articoli { $window }
   *[other] al massimo { $n } offerte dello stesso genere di articoli { $window }
}
notice-cap-zone = { $n ->
    [0] nessuna offerta nella stessa zona { $window }
    [one] al massimo un’offerta nella stessa zona { $window }
   *[other] al massimo { $n } offerte nella stessa zona { $window }
}
notice-cap-site = { $n ->
    [0] nessuna offerta in questo negozio { $window }
    [one] al massimo un’offerta in questo negozio { $window }
   *[other] al massimo { $n } offerte in questo negozio { $window }
}
notice-cap-service = { $n ->
    [0] nessun messaggio di servizio { $window }
    [one] in più, al massimo un messaggio di servizio { $window }
   *[other] in più, al massimo { $n } messaggi di servizio { $window }
}
notice-window = in { $time }
notice-window-ever = in tutto, finché partecipa
notice-often-quiet = Dalle { $from } alle { $to } Emma non dice nulla a nessuno.
notice-often-closed = Quando il negozio è chiuso, tace anche lei.
notice-often-dropped = Ciò che non va bene in quel momento viene lasciato cadere e non si recupera più tardi. Per sé può fissare limiti più stretti, mai più larghi.
notice-often-shop = Questa promessa vale in questo negozio. I negozi non si raccontano che cosa hanno detto; un altro conta quindi per sé.

## Che cosa si conserva

notice-kept = Che cosa si conserva, e per quanto tempo?
notice-kept-lead = Tutto si trova su un computer in negozio, in una cartella che possono aprire solo Emma e chi si occupa di quel computer. Di chi non si è iscritto, lì non c’è nulla.
notice-kept-lent = Se partecipa con un’app, questa dice che Lei è arrivato o arrivata, e chi la gestisce presta a questo negozio il Suo consenso, spesso per qualche ora. Vale solo finché da lì si continua a dire che è in vigore; se tacciono, Emma smette da sola di riconoscerLa, entro un giorno.
notice-kept-head = Che cosa
    .why = Perché
    .time = Per quanto tempo
notice-kept-consent = Ciò a cui ha acconsentito e che ha detto di sé, ciò da cui si riconosce il Suo dispositivo, e le Sue cassette postali
    .why = Perché Emma La riconosca e sappia che cosa Le va bene
    .time = finché non si disiscrive, al più tardi { $time } dopo la scadenza; di più solo finché vale un’offerta fatta a Lei, o dove un limite che Lei si è dato guarda più indietro
    .purpose = per sapere a che cosa ha acconsentito, da che cosa si riconoscono i Suoi dispositivi e dove Le si mandano le offerte; Emma non fa nulla che non vi sia nominato
    .origin = da Lei, tramite chi ha registrato il Suo consenso
notice-kept-offers-made = Che cosa Le è stato detto, quando e in quale zona
    .why = Perché non sia mai più di quanto promesso
    .time = { $time }, fin dove può guardare indietro una promessa in questo negozio; di più solo dove un limite che qualcuno si è dato guarda più indietro
    .ever = finché non si disiscrive: il limite di qualcuno in questo negozio non ha fine
    .purpose = per mantenere le promesse su quante volte Le si dice qualcosa: ogni offerta conta, anche quella non detta perché Lei è in un gruppo di controllo (`ghost`)
    .origin = Emma l’ha annotato quando l’offerta è stata fatta
notice-kept-visit = La Sua visita finché dura: da quando e in quale zona
    .why = Perché un’offerta arrivi una volta, e nel posto giusto
    .time = ancora { $time } dopo l’ultimo segnale sentito di Lei
    .purpose = per riprendere la Sua visita dopo un riavvio, perché nessuna promessa su una visita ricominci da capo
    .origin = dal Suo dispositivo, come l’hanno sentito i ricevitori del negozio
notice-kept-at-work = Che Lei lavora qui
    .why = Perché il personale sia lasciato in pace
    .time = fino al giorno dopo
    .purpose = per non vederla il resto di un giorno in cui è stato in negozio più di tre ore: ci lavora
    .origin = da quanto a lungo il Suo dispositivo è stato sentito quel giorno
notice-kept-stance = Che cosa ha pensato delle offerte: i Suoi sì e no, che cosa ha comprato, una pausa; come punti e date, non come diario
    .why = Perché un no sia un no
    .time = finché non si disiscrive, al più tardi { $time } dopo la scadenza del Suo consenso; acquisti e desideri, finché vi acconsente
    .purpose = per dire meno di ciò che non vuole, e nulla di ciò che ha comprato: punti, date, sì o no, nessuna cronologia. I desideri mostrati o comprati si conservano come numeri che li rappresentano
    .origin = dalle Sue risposte alle offerte e, se vi ha acconsentito, dalla cassa
notice-kept-offers-that-hold = Un’offerta ancora valida, e che cosa ha risposto
    .why = Perché possa rispondere, chiedere il motivo, e perché si possa ritirarla
    .time = fino alla fine dell’offerta
    .purpose = per capire che cosa risponde a un’offerta, dirle perché è stata fatta, e poterla ritirare: uno per la copia di ogni destinatario
    .origin = Emma l’ha annotato quando l’offerta è stata fatta, e che cosa Lei ha risposto
notice-kept-messages = I messaggi in viaggio verso di Lei
    .why = Perché nessuno vada perso e nessuno arrivi due volte
    .time = fino alla consegna, al più tardi fino alla fine dell’offerta
    .purpose = per consegnare un’offerta, o la parola che è finita, a un destinatario che il Suo consenso nomina
    .origin = Emma l’ha annotato quando c’era qualcosa da dire
notice-kept-said-no = Dopo la scadenza del Suo consenso: a che cosa aveva detto no, sotto un segno cifrato
    .why = Perché il Suo no valga ancora quando ritorna
    .time = { $time } dopo che il resto è sparito; se si disiscrive, sparisce subito
    .purpose = perché ciò a cui ha detto no non Le sia detto quando ritorna: che cosa tace e fino a quando, sotto un segno cifrato del Suo pseudonimo; nulla di ciò che Le è piaciuto o che ha comprato
    .origin = Emma l’ha tenuto quando il Suo consenso era scaduto e tutto il resto di Lei è stato cancellato
notice-kept-forgotten = Dopo la Sua disiscrizione o la scadenza del Suo consenso: un segno cifrato e una data
    .why = Perché la promessa valga anche per chi ritorna
    .time = { $time }, fin dove guarda indietro la promessa del negozio a tutti
    .purpose = perché le promesse su quante volte Le si dice qualcosa valgano anche se ritorna: un segno cifrato del Suo pseudonimo e una data
    .origin = Emma l’ha annotato quando Lei è stato dimenticato
notice-kept-visit-now =
    .time = ancora { $time } dopo l’ultimo segnale sentito di Lei
    .purpose = per sapere in quale zona del negozio è, e se lì un’offerta è gradita. Quanto forte si è sentito il Suo dispositivo negli ultimi secondi ne fa parte, e qui non è scritto
    .origin = dal Suo dispositivo, come l’hanno sentito i ricevitori del negozio
notice-kept-lease =
    .time = con il Suo consenso, al più tardi { $time } dopo la sua scadenza
    .purpose = per sapere fino a quando il Suo consenso vale qui: fino alla fine che nomina, o finché lo prolunga chi l’ha registrato
    .origin = dal Suo consenso e, dove va prolungato, da quando Emma ha sentito per l’ultima volta chi l’ha registrato
notice-kept-withdrawn-lately =
    .time = { $time }, o finché Emma non si riavvia
    .purpose = perché un vecchio messaggio non La riporti dopo la disiscrizione: un segno cifrato del Suo pseudonimo e il numero della disiscrizione
    .origin = Emma l’ha ricordato quando si è disiscritto
notice-kept-remains = Una cosa resta quando dice di no: un segno cifrato, calcolato dal Suo nome inventato con una chiave segreta, e una sola data, per { $time }. Non rivela chi era. C’è perché nessuno, disiscrivendosi e iscrivendosi di nuovo, riceva più offerte di quante ne abbiamo promesse. Poi sparisce anche quello.

## Chi riceve

notice-gets = Chi riceve che cosa?
notice-gets-lead = Le offerte vanno in una cassetta postale senza nome. Ecco chi gliele porta, e che cosa il negozio dichiara che ne fanno:
notice-gets-recipient = { $name }: { $purpose }
notice-gets-nobody = Al momento nessuno: non è indicato nessuno che Le porterebbe un’offerta, e nessuna lascia il negozio.
notice-gets-what = Ricevono il testo dell’offerta, la zona di cui si tratta, quanto dura e perché Le viene detta. Non ricevono il Suo nome inventato, il numero del Suo dispositivo, il Suo percorso in negozio né ciò che altri Le hanno detto; e due di loro non possono mettere insieme i propri pezzi.
notice-gets-declared = Che cosa ne fanno, Emma non può vederlo. Ne risponde il negozio, con le parole qui sopra.
notice-gets-accepted = Le porta qualcosa solo chi ha accettato al momento dell’iscrizione. Chi si aggiunge dopo non riceve nulla di Suo finché non ha acconsentito.

## Che cosa non si fa

notice-not = Che cosa Emma non fa
notice-not-follow = Non La segue. Non c’è una mappa dei Suoi percorsi né un diario delle Sue visite: finita una visita dimentica dove si trovava, e conserva solo che cosa Le ha detto e in quale zona.
notice-not-guess = Non indovina. Da ciò che compra non deduce nulla su di Lei, e non conosce nessuno meglio di quanto abbia voluto.
notice-not-sell = Non vende nulla, e dietro di lei non c’è nessuna rete pubblicitaria. Ciò che lascia il negozio è un’offerta per una cassetta postale.

## Come dire di no

notice-no = Come dico di no?
notice-no-softly = Con la delicatezza o la fermezza che preferisce. Scarti un’offerta, e su quel genere di cose c’è silenzio per un giorno, la volta dopo per due settimane, poi per tre mesi. «Mai più» vale finché non dice altro. Può anche chiedere un po’ di tranquillità, o una pausa da tutto.
notice-no-withdraw = E può disiscriversi del tutto, in ogni momento e senza un motivo: { $withdraw }.
notice-no-then = Allora Emma non Le dice più nulla, di solito in meno di due secondi, ritira ciò che è in viaggio e cancella tutto ciò che ha di Lei. Solo il segno cifrato di cui si parla sopra resta per un po’.
notice-no-rights = Può vedere tutto ciò che è memorizzato su di Lei, farlo correggere, portarne via una copia o farlo cancellare. Scriva a { $contact }.
notice-no-responsible = Responsabile di tutto questo: { $controller }.
notice-no-authority = La nostra risposta non La soddisfa? Può reclamare presso l’autorità: { $authority }.
notice-no-any-authority = La nostra risposta non La soddisfa? Può reclamare presso l’autorità per la protezione dei dati del luogo in cui vive.

## Limiti

notice-limits = Che cosa Emma non può fare
notice-limits-copy = Un portachiavi semplice emette sempre lo stesso numero, e chi lo copia può farsi passare per Lei: Emma non distingue la copia dall’originale. Su di Lei non si viene a sapere nulla; nel peggiore dei casi arriva nella Sua cassetta un’offerta per il punto in cui si trova l’altra persona. Se perde il portachiavi, lo faccia cancellare.
notice-limits-backups = Le copie di sicurezza che il negozio fa del suo computer, e le registrazioni fatte per prova, sono fuori dalla portata di Emma. Deve cancellarle chi le ha fatte.
notice-limits-flash = Ciò che è cancellato non si può più leggere attraverso il file system. In fondo a una scheda di memoria possono restare tracce finché non vengono sovrascritte.
notice-limits-arrived = Ciò che è arrivato sul Suo telefono è lì; Emma può dire che non vale più, non riprenderlo.
notice-limits-rough = Il Bluetooth è impreciso. Emma preferisce tacere piuttosto che collocare qualcuno nel posto sbagliato.

## Domande

notice-faq = Che cosa ci chiedono
notice-ask-stranger = Non partecipo. Emma mi vede?
    .answer = Sente un segnale che non conosce e lo dimentica nello stesso istante. Non viene annotato da nessuna parte, nemmeno come numero di visite. Si conta soltanto quanti segnali ci sono stati di tutti i dispositivi insieme, per accorgersi di un ricevitore guasto.
notice-ask-bluetooth = Devo spegnere il Bluetooth?
    .answer = Non per via di Emma. Acceso o spento, lei conosce solo chi si è iscritto.
notice-ask-name = Emma sa come mi chiamo?
    .answer = No. Ha per Lei un nome inventato, e la lingua che preferisce leggere. Come si chiama e come raggiungerLa lo sa solo chi ha raccolto la Sua iscrizione.
notice-ask-staff = Il personale può vedere dove sono?
    .answer = No, non c’è uno schermo che mostri chi è dove. Il negozio legge i totali di una settimana, e i gruppi con meno di { $few } persone sono esclusi. Per poter rispondere a «perché ho ricevuto questo?», chi si occupa del computer può cercare un nome inventato, e niente di più.
notice-ask-why = Perché mi viene detto proprio questo?
    .answer = Lo dice ogni offerta: che cosa l’ha fatta nascere, di che cosa si è tenuto conto e come dire di no. Se non Le viene detto nulla, può chiedere anche di questo il motivo.
notice-ask-child = E mio figlio?
    .answer = Il telefono di un bambino che nessuno ha iscritto è un telefono estraneo come tutti gli altri. { $adults ->
        [only] Possono essere iscritti solo adulti.
       *[all] Nessuno viene iscritto senza la propria parola o quella di chi se ne prende cura.
    }
notice-ask-changes = E se questo avviso cambia?
    .answer = Chi porta offerte per la prima volta, e i nuovi articoli che riguardano soltanto Lei: nulla di questo La tocca finché non ha acconsentito. Che cos’altro è cambiato è detto a parole accanto a questo avviso.

## Per il personale

notice-staff-title = Emma da { $shop }: che cosa rispondere
notice-staff-lead = Se qualcuno chiede, risponda in breve e con gentilezza. Non serve sapere nulla di tecnico, e «mi informo per Lei» è una buona risposta.
notice-staff-follow = «Mi state seguendo?»
    .answer = No. Emma riconosce solo chi si è iscritto di persona. Di tutti gli altri non conserva nulla, e nemmeno chi è iscritto viene seguito: sa all’incirca in quale zona si trova, e dopo la visita lo dimentica.
notice-staff-unwanted = «Non lo voglio.»
    .answer = Se non partecipa, non deve fare nulla. Se partecipa: { $withdraw }. Di solito bastano meno di due secondi.
notice-staff-know = «Che cosa sapete di me?»
    .answer = Noi qui in negozio: nulla. Ciò che ha Emma è conservato con un nome inventato, e può vedere tutto: { $contact }.
notice-staff-gets = «Chi riceve i miei dati?»
    .answer = Un’offerta va a { $recipients }, senza il Suo nome e senza il Suo percorso in negozio.
notice-staff-nobody = «Chi riceve i miei dati?»
    .answer = Al momento nessuno.
notice-staff-often = «Adesso mi disturberete di continuo?»
    .answer = Assai poco: { $caps }.
notice-staff-lost = «Ho perso il portachiavi.»
    .answer = Fa bene a dirlo; lo facciamo cancellare subito: { $withdraw }.
notice-staff-complain = «Voglio reclamare.»
    .answer = È un Suo diritto. Scriva a { $contact }; { $authority ->
        [none] anche l’autorità per la protezione dei dati del luogo in cui vive è a Sua disposizione.
       *[other] anche l’autorità è a Sua disposizione: { $authority }.
    }
notice-staff-never = Per favore, non convinca nessuno, non iscriva nessuno che non l’abbia chiesto e non prometta nulla che non sia nell’avviso.

## Che cosa è cambiato

notice-changes-title = Che cosa è cambiato da { $shop }
notice-changes-lead = Versione { $new } dell’avviso, confrontata con la versione { $old }.
notice-changes-none = Nulla di ciò che dice l’avviso è cambiato.
notice-changes-wider = Che cosa ora va più in là
notice-changes-wider-note = Chi porta offerte per la prima volta e i nuovi articoli sensibili restano lontani da tutti coloro che avevano acconsentito prima, finché non acconsentono di nuovo: ci pensa Emma. Tutto il resto vale per tutti appena le impostazioni sono in vigore. Lo dica quindi prima alle persone, e chieda di nuovo dove il consenso deve coprirlo.
notice-changes-narrower = Che cosa ora è più stretto
notice-changes-other = Che cosa si legge in altro modo
notice-changed = Cambiato: { $what }. Prima: { $old }. Ora: { $new }.
notice-added = Nuovo: { $what }.
notice-gone = Non più: { $what }.
notice-with = { $what } ({ $value })
notice-what-controller = chi è responsabile
notice-what-contact = dove scrivere
notice-what-authority = l’autorità
notice-what-withdraw = come dire di no
notice-what-notice-url = dove si legge l’avviso
notice-what-receivers = il numero di ricevitori
notice-what-caps = un limite
notice-what-gap = il tempo tra due offerte
notice-what-quiet-hours = le ore di silenzio
notice-what-hours = dalle { $from } alle { $to }
notice-what-recipient = chi porta le offerte
notice-what-zone = la zona «{ $name }» viene distinta
notice-what-sensitive-zone = nella zona «{ $name }» non viene collocato nessuno
notice-what-category = gli articoli «{ $name }»
notice-what-sensitive-category = gli articoli «{ $name }», sensibili, solo per chi li ha indicati
notice-what-replacement = il silenzio dopo un acquisto di «{ $name }»
notice-what-offer = offerte
notice-what-reward = ringraziamenti
notice-what-service = messaggi di servizio
notice-what-interests = offerte secondo gli interessi
notice-what-price-band = offerte secondo la fascia di prezzo
notice-what-wishes = offerte solo per i desideri
notice-what-control-groups = misurare che cosa fanno le offerte
notice-what-live-values = cifre del momento nei messaggi
notice-what-opening-hours = silenzio quando il negozio è chiuso
notice-what-adults-only = possono partecipare solo adulti
notice-what-inside = ricevitori che passano tutto ciò che sentono, attraverso la rete del negozio
notice-what-outside = ricevitori che passano tutto ciò che sentono, attraverso una rete che non è del negozio
notice-what-between-pis = ricevitori che si parlano all’interno del negozio
notice-what-phones = telefoni che dicono quali segnalatori del negozio sentono
notice-what-playback = registrazioni riprodotte come se accadessero ora
notice-what-kept = per quanto tempo si conserva: { $what }
