### Ce qu’Emma dit en français. Court, aimable, avec « vous », comme on parle au magasin.
### Des espaces ordinaires devant « : » ou « ? » : Emma les rend insécables.

## L’écran verrouillé

lock-screen = Emma a quelque chose pour vous

## Pourquoi une offre a été faite, pour la clientèle : ce qui s’est passé, puis une phrase pour tout ce qui a compté

why-entered = Vous avez rejoint la zone « { $zone } ».
why-dwelled = Vous avez passé au moins { $time } dans la zone « { $zone } ».
why-left = Vous avez quitté la zone « { $zone } ».
why-asked = Vous avez demandé ce qu’il y a dans la zone « { $zone } ».
why-consent = { $class ->
    [service] Vous avez accepté de recevoir des messages dans ce magasin.
   *[offer] Vous avez accepté de recevoir des offres dans ce magasin.
}
why-earlier-offers = Nous avons tenu compte de ce que nous vous avons déjà dit, pour ne pas vous déranger trop souvent.
why-interests = Vous nous avez dit que cela vous intéresse.
why-wishes = Vous avez demandé que nous vous y fassions penser en magasin.
why-price-band = C’est dans la gamme de prix que vous nous avez indiquée.
why-purchases = Nous avons tenu compte de vos achats, pour ne pas vous proposer ce que vous avez déjà.
why-feedback = Nous avons tenu compte de vos réactions aux offres précédentes.
why-no = Vous pouvez dire non à tout moment : à ce genre de choses, à tout, ou pour quelque temps.

## Durées

time-seconds = { $n ->
    [one] { $n } seconde
   *[other] { $n } secondes
}
time-minutes = { $n ->
    [one] { $n } minute
   *[other] { $n } minutes
}
time-hours = { $n ->
    [one] { $n } heure
   *[other] { $n } heures
}
time-days = { $n ->
    [one] { $n } jour
   *[other] { $n } jours
}
time-months = { $n } mois

## Les contrôles : ce que chacun demande, et son non, pour la clientèle et pour la direction du magasin

reason-consent =
    .question = Le consentement couvre-t-il cela ?
    .customer = Votre accord ne couvre pas ce genre de messages.
    .manager = Le consentement ne couvre pas cela.
reason-clock =
    .question = L’heure est-elle certaine ?
    .customer = L’heure n’était pas certaine, et dans ce cas nous préférons ne rien dire.
    .manager = L’heure n’est pas certaine.
reason-paused =
    .question = Ni pause, ni arrêt ?
    .customer = Vous avez demandé une pause ou le silence, ou nous avons suspendu ce message.
    .manager = La personne ou le magasin a demandé une pause, ou la campagne est arrêtée.
reason-quiet =
    .question = Magasin ouvert, hors des heures de repos ?
    .customer = Ce sont des heures de repos, les vôtres ou celles de tout le monde, ou le magasin est fermé.
    .manager = Heures de repos, la personne ne veut rien entendre pour un moment, ou magasin fermé.
reason-inactive =
    .question = La campagne est-elle en cours à ce moment ?
    .customer = Cette offre n’est pas disponible en ce moment.
    .manager = La campagne n’est pas en cours ce jour-là ou à cette heure-là, ou ses codes sont épuisés.
reason-audience =
    .question = S’adresse-t-elle à cette personne ?
    .customer = Cette offre répond à d’autres intérêts, souhaits ou gammes de prix que ceux que vous nous avez indiqués, et nous ne cherchons pas à deviner.
    .manager = Pour d’autres intérêts, gammes de prix ou souhaits que ceux qui ont été indiqués.
reason-bought =
    .question = Le dernier achat est-il assez ancien ?
    .customer = Vous avez déjà acheté un article de ce genre, et il n’est sans doute pas encore temps de le remplacer.
    .manager = Déjà acheté, et pas encore à remplacer.
reason-declined =
    .question = N’y a-t-il pas déjà eu un refus ?
    .customer = Ces derniers temps, vous avez laissé ce genre de messages de côté, ou vous n’en voulez plus.
    .manager = Ce genre de messages a été laissé de côté ou refusé.
reason-stale-value =
    .question = Les valeurs du texte sont-elles à jour ?
    .customer = Une indication de ce message n’était pas à jour, et nous ne voulons rien vous dire de faux.
    .manager = Une valeur du texte n’est pas à jour.
reason-outranked =
    .question = Aucune autre campagne ne passe avant ?
    .customer = Autre chose passait avant ; nous ne disons qu’une chose à la fois.
    .manager = Une autre campagne est passée avant.
reason-cap-customer =
    .question = Reste-t-il de la place pour une offre ?
    .customer = Vous avez déjà reçu le nombre maximal d’offres prévu.
    .manager = Le plafond d’offres pour une personne est atteint.
reason-cap-visit =
    .question = Reste-t-il de la place pour cette visite ?
    .customer = Pendant cette visite, vous avez déjà reçu le nombre maximal d’offres prévu.
    .manager = Le plafond pour une visite est atteint.
reason-cap-gap =
    .question = La dernière offre est-elle assez ancienne ?
    .customer = Votre dernière offre est encore toute récente.
    .manager = La dernière offre est trop récente.
reason-cap-campaign =
    .question = Reste-t-il de la place pour cette campagne ?
    .customer = Nous vous avons assez parlé de cette offre.
    .manager = Le plafond pour la campagne est atteint.
reason-cap-category =
    .question = Reste-t-il de la place pour cette catégorie ?
    .customer = Nous vous avons assez parlé de ce genre d’articles pour le moment.
    .manager = Le plafond pour la catégorie est atteint.
reason-cap-zone =
    .question = Reste-t-il de la place pour cette zone ?
    .customer = Nous vous en avons assez dit dans cette partie du magasin pour le moment.
    .manager = Le plafond pour la zone est atteint.
reason-cap-site =
    .question = Reste-t-il de la place pour ce magasin ?
    .customer = Nous vous en avons assez dit dans ce magasin pour le moment.
    .manager = Le plafond pour le magasin est atteint.
reason-cap-budget =
    .question = Le consentement permet-il encore une offre ?
    .customer = Vous avez déjà reçu autant d’offres que vous en avez accepté.
    .manager = Le nombre d’offres que permet le consentement est épuisé.
reason-cap-service =
    .question = Reste-t-il de la place pour un message de service ?
    .customer = Vous avez déjà reçu le nombre maximal de messages de service prévu.
    .manager = Le plafond de messages de service est atteint.
reason-control =
    .question = Hors du groupe témoin ?
    .customer = Vous avez accepté que nous mesurions l’effet de nos offres. Pour cela, une partie de la clientèle, désignée par le hasard, n’entend pas parler de cette offre, et vous en faites partie.
    .manager = Groupe témoin : la mesure a été acceptée, et le hasard veut que rien ne soit dit.
reason-ledger =
    .question = Peut-on en garder trace ?
    .customer = Nous ne pouvions pas en garder trace, et dans ce cas nous préférons ne rien dire, pour ne pas vous déranger trop souvent.
    .manager = Le registre des offres faites est inaccessible.
reason-outbox =
    .question = Peut-elle partir à temps ?
    .customer = Trop de messages attendaient d’être envoyés ; le vôtre serait arrivé trop tard.
    .manager = Trop de messages attendent d’être envoyés.

## Le rapport de la semaine, pour la direction du magasin et toute personne qui le demande

-few = moins de 20
-untold = { -few }, donc non indiqué

report-head = { $state ->
    [unfinished] La retenue de { $site } pour la semaine { $week }, à ce jour.
   *[over] La retenue de { $site } pour la semaine { $week }.
}
report-visits = Visites : { $number ->
    [untold] { -untold }
   *[other] { $number }
}.
report-silent = Visites sans offre : { $percent ->
    [untold] { -untold }
   *[other] { $percent } %
}.
report-most = Le plus grand nombre d’offres à une même personne { $window } : { $number }, pour un maximum de { $cap }.
report-withheld = Offre retenue, { $number ->
    [untold] { -few } fois
    [1] une fois
   *[other] { $number } fois
} : { $why }
report-dismissed = Offres écartées : { $percent ->
    [untold] { -untold }
   *[other] { $percent } %
}.
report-helpful = Offres jugées utiles : { $percent ->
    [untold] { -untold }
   *[other] { $percent } %
}.
report-withdrawal = Délai le plus long entre un retrait et le silence : { $time ->
    [none] aucun retrait
   *[other] { $time }
}.
report-oldest = Âge des plus anciennes données personnelles : { $days ->
    [none] aucune n’est conservée
    [0] elles sont d’aujourd’hui
    [1] un jour
   *[other] { $days } jours
}.
report-campaign = { $campaign } : { $delivered ->
    [untold] proposée { -few } fois
   *[other] proposée { $delivered } fois, dont { $displayed } % affichées, { $opened } % ouvertes, { $redeemed } % utilisées, { $dismissed } % écartées
}.
report-control = { $campaign } : { $number } fois, rien n’a été dit au groupe témoin.

window-rolling = sur { $time }
window-visit = en une visite
window-ever = en tout

## Tout ce qui est enregistré d’une personne, à elle

export-title = Ce qu’Emma a enregistré de { $customer } dans ce magasin, le { $at }
export-controller = { $controller } ({ $contact }) en répond.
export-head =
    .for = pour
    .from = d’où
    .kept = gardé
export-place =
    .disk = sur le disque
    .memory = en mémoire seulement
export-nothing = Rien n’est enregistré de : { $kinds }.
export-nobody = Rien n’est enregistré : Emma ne connaît pas cette personne.

## Le reçu d’un consentement, à la cliente et au client

receipt-head = Votre consentement à { $shop }
receipt-state = { $state ->
    [expired] Il a expiré : nous ne vous disons plus rien.
    [renewed] Vous avez encore une fois dit oui.
   *[given] Vous avez dit oui.
}
receipt-given = C’était le { $date }.
receipt-holds = Il vaut du { $from } au { $until }.
receipt-notice = Vous avez accepté l’avis dans sa version { $version }.
receipt-tier-on-request = Nous ne vous disons quelque chose que si vous le demandez.
receipt-tier-contextual = Nous vous disons ce qui convient à l’endroit du magasin où vous êtes.
receipt-tier-personal = Nous vous disons ce qui convient à l’endroit du magasin où vous êtes, et à ce que vous avez dit de vous.
receipt-for-offers = Vous recevez des offres.
receipt-for-personalisation = Ce que vous avez dit de vous compte dans leur choix.
receipt-for-lift-measurement = Nous pouvons mesurer l’effet de nos offres.
receipt-for-nothing = Aucun usage n’est activé : nous ne vous disons rien.
receipt-devices = { $n ->
    [one] Emma vous reconnaît à une chose que vous avez inscrite.
   *[other] Emma vous reconnaît à { $n } choses que vous avez inscrites.
}
receipt-nobody = Vos offres ne vont à personne.
receipt-gets = Vos offres vont à : { $recipients }.
receipt-no = Vous pouvez le retirer à tout moment et sans raison : { $withdraw }.
receipt-proof = Qui vous a inscrit garde la preuve, sous { $proof }.
receipt-number = Reçu { $number }. Emma vous connaît sous ce nom inventé, et ne sait pas qui vous êtes.
