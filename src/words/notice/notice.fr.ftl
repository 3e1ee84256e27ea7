### L’avis à la porte du magasin, la page qui le détaille, ce que répond le personnel et ce qui a changé. Pour la
### clientèle : des phrases courtes, sans jargon juridique, et rien de promis qu’Emma ne tienne.

notice-title = Emma chez { $shop }
notice-version = Version { $version } de cet avis, écrite par Emma { $emma } d’après les réglages en vigueur dans ce magasin.

## La porte : une feuille de papier

notice-door-head = Emma ne salue que celles et ceux qui l’ont souhaité
notice-door-what = Emma est un petit ordinateur dans ce magasin. Elle écoute les signaux Bluetooth des clientes et clients qui se sont inscrits chez nous et leur dit, de temps en temps, quelque chose d’utile là où ils se trouvent.
notice-door-you-head = Vous ne participez pas ?
notice-door-you = Alors vous n’avez rien à faire. Emma ne connaît ni votre téléphone, ni votre montre, ni vos écouteurs : elle n’en note rien, ne vous compte pas parmi les visites et n’en parle à personne.
notice-door-no-head = Vous participez et avez changé d’avis ?
notice-door-no = C’est ici que vous dites non : { $withdraw }. En général, en moins de deux secondes, Emma ne vous dit plus rien et vous oublie.
notice-door-not = Ni caméra, ni micro, ni satellite : Emma entend le Bluetooth, et rien d’autre.
notice-door-adults = La participation est réservée aux adultes.
notice-door-more = Tout en détail
notice-door-room = Place pour un code QR
notice-door-responsible = Responsable : { $controller }. Questions : { $contact }.

## Ce qui est entendu

notice-heard = Qu’entend Emma ?
notice-heard-signals = Beaucoup d’objets émettent de courts signaux Bluetooth : téléphones, porte-clés, montres. { $receivers ->
    [one] Un récepteur dans ce magasin entend avec quelle force ils arrivent.
   *[other] { $receivers } récepteurs dans ce magasin entendent avec quelle force ils arrivent.
} Emma en déduit à peu près dans quelle partie du magasin se trouve quelqu’un, jamais au mètre près.
notice-heard-zones = Les zones qu’elle distingue : { $zones }.
notice-heard-sensitive = Il y a des endroits où l’on veut être tranquille : { $zones }. Emma n’y situe personne et n’en retient rien.
notice-heard-remote = Certains récepteurs sont tout simples. Ils transmettent à Emma chaque signal qu’ils entendent, par { $way ->
    [inside] le réseau du magasin
   *[outside] le réseau
}, et elle jette aussitôt ce qui ne vient pas d’une personne inscrite.
notice-heard-pis = Les récepteurs se parlent à l’intérieur du magasin. Chacun ne reçoit qu’une empreinte à laquelle il vous reconnaîtrait, jamais le numéro de votre appareil.
notice-heard-phones = Votre téléphone peut aussi se charger d’écouter : l’application entend les balises du magasin et dit à Emma lesquelles. Votre téléphone n’a alors rien à émettre en Bluetooth.
notice-heard-playback = Cette Emma est un banc d’essai : elle rejoue des enregistrements comme si cela se passait maintenant.
notice-heard-example = Un exemple : quelqu’un dont le porte-clés est inscrit se trouve dans la zone « { $zone } ». Emma sait qu’une personne inscrite est là, et depuis quand. Elle ne sait ni comment elle s’appelle, ni à quoi elle ressemble, ni ce qu’il y a dans son panier.

## De qui

notice-whose = Les signaux de qui ?
notice-whose-customers = Seulement ceux des personnes qui se sont inscrites. Emma les connaît sous un nom inventé ; qui se cache derrière, on ne le sait que là où s’est faite votre inscription. Tous les autres lui sont inconnus, et le restent.
notice-whose-adults = Seules les personnes qui ont dit être majeures peuvent participer.
notice-whose-work = Qui reste plus de trois heures dans le magasin y travaille et ne fait pas ses courses. Emma ne lui dit plus rien jusqu’au lendemain, et n’en note rien de plus.

## Pour quoi faire

notice-for = Pour quoi faire ?
notice-for-lead = Pour que vous appreniez :
notice-for-offer = une offre, là où elle vous est utile ;
notice-for-reward = un merci pour votre visite ;
notice-for-service = ce qu’il vous faut savoir, par exemple qu’une commande est prête ou qu’un produit est rappelé : jamais avec de la publicité.
notice-for-nothing = Pour le moment, le magasin n’a rien prévu qu’Emma puisse dire.
notice-for-tiers = C’est vous qui choisissez jusqu’où aller : seulement des réponses quand vous demandez ; des offres qui conviennent à la partie du magasin où vous êtes ; ou aussi des offres personnelles. Chaque usage a son propre interrupteur, éteint tant que vous ne l’allumez pas.
notice-for-personal = Pour les offres personnelles, Emma se fie à ce que vous avez dit vous-même : { $declared }. Si la caisse lui dit ce que vous avez acheté, elle vous épargne la même chose. Elle ne devine rien : ni vos goûts, ni vos revenus.
notice-declared-favourites = vos articles préférés
notice-declared-wishes = vos souhaits (« me le rappeler en magasin »)
notice-declared-interests = vos centres d’intérêt
notice-declared-price-band = votre gamme de prix
notice-for-bought = Qui a acheté est laissé en paix un bon moment : { $intervals }.
notice-for-sensitive = Certains articles ne regardent que vous : { $categories }. Vous n’en entendez parler que si vous les avez nommés vous-même.
notice-for-control = Si vous l’avez accepté, nous mesurons si les offres servent à quelque chose : une partie de celles et ceux qui l’ont accepté, tirée au hasard, n’entend alors rien d’une offre.
notice-for-values = Dans certains messages figure un chiffre du moment, comme l’attente à la caisse. Il parle du magasin, pas de vous.

## Combien de fois

notice-often = Combien de fois au plus ?
notice-often-lead = Cela vaut pour chaque personne, et aucune campagne ne peut aller au-delà :
notice-cap-customer = { $n ->
    [0] aucune offre { $window }
    [one] une offre au plus { $window }
   *[other] { $n } offres au plus { $window }
}
notice-cap-visit = { $n ->
    [0] aucune offre pendant une visite
    [one] une offre au plus par visite
   *[other] { $n } offres au plus par visite
}
notice-cap-gap = au moins { $time } entre deux offres
notice-cap-campaign = { $n ->
    [0] aucune offre de campagne { $window }
    [one] la même offre une fois au plus { $window }
   *[other] la même offre { $n } fois au plus { $window }
}
notice-cap-category = { $n ->
    [0] aucune offre d’un même type d’articles { $window }
    [one] une offre au plus d’un même type d’articles { $window }
   *[other] { $n } offres au plus d’un même type d’articles { $window }
}
notice-cap-zone = { $n ->
    [0] aucune offre dans une même zone { $window }
    [one] une offre au plus dans une même zone { $window }
   *[other] { $n } offres au plus dans une même zone { $window }
}
notice-cap-site = { $n ->
    [0] aucune offre dans ce magasin { $window }
    [one] une offre au plus dans ce magasin { $window }
   *[other] { $n } offres au plus dans ce magasin { $window }
}
notice-cap-service = { $n ->
    [0] aucun message de service { $window }
    [one] en plus, un message de service au plus { $window }
   *[other] en plus, { $n } messages de service au plus { $window }
}
notice-window = sur { $time }
notice-window-ever = en tout, tant que vous participez
notice-often-quiet = De { $from } à { $to }, Emma ne dit rien à personne.
notice-often-closed = Quand le magasin est fermé, elle se tait aussi.
notice-often-dropped = Ce qui ne convient pas est abandonné et jamais rattrapé. Vous pouvez fixer pour vous des limites plus strictes, jamais plus larges.
notice-often-shop = Cette promesse vaut dans ce magasin. Les magasins ne se racontent pas ce qu’ils ont dit ; un autre compte donc pour lui-même.

## Ce qui est gardé

notice-kept = Qu’est-ce qui est gardé, et combien de temps ?
notice-kept-lead = Tout se trouve sur un ordinateur dans le magasin, dans un dossier que seules Emma et la personne qui s’occupe de cet ordinateur peuvent ouvrir. Des personnes qui ne sont pas inscrites, il n’y a rien dedans.
notice-kept-lent = Si vous participez avec une application, elle dit que vous êtes là, et qui la gère prête votre accord à ce magasin, souvent pour quelques heures. Il ne vaut que tant que l’on répète là-bas qu’il tient ; quand on se tait, Emma cesse d’elle-même de vous reconnaître, en un jour au plus.
notice-kept-head = Quoi
    .why = Pour quoi
    .time = Combien de temps
notice-kept-consent = Ce que vous avez accepté et dit de vous, ce à quoi votre appareil est reconnu, et vos boîtes aux lettres
    .why = Pour qu’Emma vous reconnaisse et sache ce qui vous convient
    .time = jusqu’à votre désinscription, au plus tard { $time } après l’échéance ; plus longtemps seulement tant qu’une offre qui vous a été faite est valable, ou là où une limite que vous vous êtes fixée remonte plus loin
    .purpose = pour savoir ce que vous avez accepté, à quoi vos appareils sont reconnus et où les offres vous sont envoyées ; Emma ne fait rien qui n’y soit pas nommé
    .origin = de vous, par le service auprès duquel vous vous êtes inscrit
notice-kept-offers-made = Ce qui vous a été dit, quand, et dans quelle zone
    .why = Pour que ce ne soit jamais plus que promis
    .time = { $time }, aussi loin que peut remonter une promesse dans ce magasin ; plus longtemps seulement là où une limite que quelqu’un s’est fixée remonte plus loin
    .ever = jusqu’à votre désinscription : la limite de quelqu’un dans ce magasin n’a pas de fin
    .purpose = pour tenir les promesses sur le nombre de messages que vous recevez : chaque offre compte, même celle qui n’a pas été dite parce que vous êtes dans un groupe témoin (`ghost`)
    .origin = Emma l’a noté quand l’offre a été faite
notice-kept-visit = Votre visite tant qu’elle dure : depuis quand, et dans quelle zone
    .why = Pour qu’une offre vienne une fois, et au bon endroit
    .time = encore { $time } après le dernier signal entendu de vous
    .purpose = pour reprendre votre visite après un redémarrage, afin qu’aucune promesse sur une visite ne recommence à zéro
    .origin = de votre appareil, tel que les récepteurs du magasin l’ont entendu
notice-kept-at-work = Que vous travaillez ici
    .why = Pour que le personnel soit laissé en paix
    .time = jusqu’au lendemain
    .purpose = pour ne pas vous voir le reste d’une journée où vous avez passé plus de trois heures dans le magasin : vous y travaillez
    .origin = de la durée pendant laquelle votre appareil a été entendu ce jour-là
notice-kept-stance = Ce que vous avez pensé des offres : vos oui et vos non, vos achats, une pause ; en points et en dates, pas en journal
    .why = Pour qu’un non soit un non
    .time = jusqu’à votre désinscription, au plus tard { $time } après l’échéance de votre consentement ; vos achats et vos souhaits, tant que vous l’acceptez
    .purpose = pour dire moins de ce que vous ne voulez pas, et rien de ce que vous avez acheté : des points, des dates, oui ou non, pas d’historique. Les souhaits montrés ou achetés sont gardés comme des nombres qui les remplacent
    .origin = de vos réponses aux offres et, si vous l’avez accepté, de la caisse
notice-kept-offers-that-hold = Une offre encore valable, et ce que vous y avez répondu
    .why = Pour que vous puissiez répondre, demander pourquoi, et qu’elle puisse être retirée
    .time = jusqu’à la fin de l’offre
    .purpose = pour comprendre ce que vous répondez à une offre, vous dire pourquoi elle a été faite, et pouvoir la retirer : un pour l’exemplaire de chaque destinataire
    .origin = Emma l’a noté quand l’offre a été faite, ainsi que votre réponse
notice-kept-messages = Les messages en route vers vous
    .why = Pour qu’aucun ne se perde ni ne vienne deux fois
    .time = jusqu’à leur remise, au plus tard jusqu’à la fin de l’offre
    .purpose = pour remettre une offre, ou le mot qu’elle est terminée, à un destinataire que nomme votre consentement
    .origin = Emma l’a noté quand il y avait quelque chose à dire
notice-kept-said-no = Après l’échéance de votre consentement : ce à quoi vous aviez dit non, sous un signe chiffré
    .why = Pour que votre non tienne encore quand vous revenez
    .time = { $time } après que le reste a disparu ; si vous vous désinscrivez, aussitôt effacé
    .purpose = pour que ce à quoi vous avez dit non ne soit pas dit quand vous revenez : ce qui se tait, et jusqu’à quand, sous un signe chiffré de votre pseudonyme ; rien de ce qui vous a plu ou que vous avez acheté
    .origin = Emma l’a gardé quand votre consentement était échu et que tout le reste de vous a été effacé
notice-kept-forgotten = Après votre désinscription ou l’échéance de votre consentement : un signe chiffré et une date
    .why = Pour que la promesse vaille aussi pour qui revient
    .time = { $time }, aussi loin que remonte la promesse du magasin à chacun
    .purpose = pour que les promesses sur le nombre de messages tiennent si vous revenez : un signe chiffré de votre pseudonyme et une date
    .origin = Emma l’a noté quand vous avez été oublié
notice-kept-visit-now =
    .time = encore { $time } après le dernier signal entendu de vous
    .purpose = pour savoir dans quelle zone du magasin vous êtes, et si une offre y est bienvenue. La force avec laquelle votre appareil a été entendu ces dernières secondes en fait partie, et n’est pas écrite ici
    .origin = de votre appareil, tel que les récepteurs du magasin l’ont entendu
notice-kept-lease =
    .time = avec votre consentement, au plus tard { $time } après son échéance
    .purpose = pour savoir jusqu’à quand votre consentement vaut ici : jusqu’à la fin qu’il nomme, ou tant que le service auprès duquel vous vous êtes inscrit le prolonge
    .origin = de votre consentement et, s’il doit être prolongé, du moment où Emma a entendu ce service pour la dernière fois
notice-kept-withdrawn-lately =
    .time = { $time }, ou jusqu’au redémarrage d’Emma
    .purpose = pour qu’un vieux message ne vous ramène pas après votre désinscription : un signe chiffré de votre pseudonyme et le numéro de votre désinscription
    .origin = Emma l’a retenu quand vous vous êtes désinscrit
notice-kept-remains = Une chose reste quand vous dites non : un signe chiffré, calculé à partir de votre nom inventé avec une clé secrète, et une seule date, pendant { $time }. Il ne dit pas qui vous étiez. Il est là pour que personne, en se désinscrivant puis en s’inscrivant de nouveau, ne reçoive plus d’offres que promis. Ensuite, il disparaît lui aussi.

## Qui reçoit

notice-gets = Qui reçoit quoi ?
notice-gets-lead = Les offres vont dans une boîte aux lettres sans nom. Voici qui vous les apporte, et ce que le magasin déclare qu’ils en font :
notice-gets-recipient = { $name } : { $purpose }
notice-gets-nobody = Pour le moment, personne : nul n’est nommé qui vous apporterait une offre, et aucune ne quitte le magasin.
notice-gets-what = Ils reçoivent le texte de l’offre, la zone dont il s’agit, sa durée et la raison pour laquelle on vous la dit. Ils ne reçoivent ni votre nom inventé, ni le numéro de votre appareil, ni votre chemin dans le magasin, ni ce que d’autres vous ont dit ; et deux d’entre eux ne peuvent pas rassembler leurs morceaux.
notice-gets-declared = Ce qu’ils en font, Emma ne peut pas le voir. Le magasin en répond, avec les mots ci-dessus.
notice-gets-accepted = Seuls ceux que vous avez acceptés en vous inscrivant vous apportent quelque chose. Qui s’ajoute plus tard ne reçoit rien de vous tant que vous n’avez pas dit oui.

## Ce qui n’est pas fait

notice-not = Ce qu’Emma ne fait pas
notice-not-follow = Elle ne vous suit pas. Il n’y a ni carte de vos trajets ni journal de vos visites : une fois la visite finie, elle oublie où vous étiez et ne garde que ce qu’elle vous a dit et dans quelle zone.
notice-not-guess = Elle ne devine pas. De vos achats, elle ne conclut rien sur vous, et elle ne connaît personne mieux qu’il ne l’a voulu.
notice-not-sell = Elle ne vend rien, et aucun réseau publicitaire n’est derrière elle. Ce qui quitte le magasin, c’est une offre pour une boîte aux lettres.

## Comment dire non

notice-no = Comment dire non ?
notice-no-softly = Aussi doucement ou aussi fermement que vous voulez. Écartez une offre, et c’est le silence sur ce sujet pour un jour, la fois suivante pour deux semaines, puis pour trois mois. « Plus jamais cela » vaut jusqu’à ce que vous disiez le contraire. Vous pouvez aussi demander du calme pour un moment, ou une pause de tout.
notice-no-withdraw = Et vous pouvez vous désinscrire tout à fait, à tout moment et sans raison : { $withdraw }.
notice-no-then = Alors Emma ne vous dit plus rien, en général en moins de deux secondes, reprend ce qui est en route et efface tout ce qu’elle a de vous. Seul le signe chiffré dont il est question plus haut reste un temps.
notice-no-rights = Vous pouvez voir tout ce qui est enregistré sur vous, le faire corriger, en emporter une copie ou le faire effacer. Écrivez à { $contact }.
notice-no-responsible = Responsable de tout cela : { $controller }.
notice-no-authority = Notre réponse ne vous satisfait pas ? Vous pouvez vous plaindre auprès de l’autorité : { $authority }.
notice-no-any-authority = Notre réponse ne vous satisfait pas ? Vous pouvez vous plaindre auprès de l’autorité de protection des données de votre lieu de domicile.

## Limites

notice-limits = Ce qu’Emma ne peut pas faire
notice-limits-copy = Un porte-clés simple émet toujours le même numéro, et qui le copie peut se faire passer pour vous : Emma ne distingue pas la copie du vrai. On n’apprend rien sur vous ; au pire, une offre arrive dans votre boîte aux lettres pour l’endroit où se tient l’autre personne. Si vous perdez votre porte-clés, faites-le rayer.
notice-limits-backups = Les copies de sauvegarde que le magasin fait de son ordinateur, et les enregistrements faits pour des essais, sont hors de portée d’Emma. C’est à qui les a faits de les effacer.
notice-limits-flash = Ce qui est effacé ne peut plus être lu par le système de fichiers. Au fond d’une carte mémoire, des traces peuvent subsister jusqu’à ce qu’elles soient recouvertes.
notice-limits-arrived = Ce qui est arrivé sur votre téléphone y est ; Emma peut dire que ce n’est plus valable, pas le reprendre.
notice-limits-rough = Le Bluetooth est imprécis. Emma préfère se taire plutôt que de situer quelqu’un au mauvais endroit.

## Questions

notice-faq = Ce que l’on nous demande
notice-ask-stranger = Je ne participe pas. Emma me voit-elle ?
    .answer = Elle entend un signal qu’elle ne connaît pas et l’oublie au même instant. Il n’est noté nulle part, pas même comme un nombre de visites. On compte seulement combien de signaux il y a eu de tous les appareils ensemble, pour remarquer un récepteur en panne.
notice-ask-bluetooth = Dois-je couper le Bluetooth ?
    .answer = Pas à cause d’Emma. Allumé ou éteint, elle ne connaît que les personnes inscrites.
notice-ask-name = Emma sait-elle comment je m’appelle ?
    .answer = Non. Elle a pour vous un nom inventé, et la langue que vous aimez lire. Votre nom et la façon de vous joindre, on ne les connaît que là où s’est faite votre inscription.
notice-ask-staff = Le personnel peut-il voir où je suis ?
    .answer = Non, aucun écran ne montre qui est où. Le magasin lit les totaux d’une semaine, et les groupes de moins de { $few } sont laissés de côté. Pour pouvoir répondre à « pourquoi ai-je reçu cela ? », la personne qui s’occupe de l’ordinateur peut chercher un nom inventé, rien de plus.
notice-ask-why = Pourquoi me dit-on justement cela ?
    .answer = Chaque offre le dit : ce qui l’a déclenchée, ce qui a été pris en compte et comment dire non. Si l’on ne vous dit rien, vous pouvez aussi en demander la raison.
notice-ask-child = Et mon enfant ?
    .answer = Le téléphone d’un enfant que personne n’a inscrit est un téléphone inconnu comme un autre. { $adults ->
        [only] Seuls des adultes peuvent être inscrits.
       *[all] Personne n’est inscrit sans sa propre parole ou celle des personnes qui prennent soin de lui.
    }
notice-ask-changes = Et si cet avis change ?
    .answer = Qui apporte de nouvelles offres, et de nouveaux articles qui ne regardent que vous : rien de cela ne vous concerne tant que vous n’avez pas dit oui. Ce qui a changé par ailleurs est dit en toutes lettres à côté de cet avis.

## Pour le personnel

notice-staff-title = Emma chez { $shop } : que répondre
notice-staff-lead = Si quelqu’un pose une question, répondez brièvement et gentiment. Vous n’avez rien de technique à savoir, et « je me renseigne pour vous » est une bonne réponse.
notice-staff-follow = « Vous me suivez ? »
    .answer = Non. Emma ne reconnaît que les personnes qui se sont inscrites elles-mêmes. De toutes les autres, elle ne garde rien, et les inscrits non plus ne sont pas suivis : elle sait à peu près dans quelle zone ils sont, et l’oublie après la visite.
notice-staff-unwanted = « Je ne veux pas de cela. »
    .answer = Si vous ne participez pas, vous n’avez rien à faire. Si vous participez : { $withdraw }. Cela prend en général moins de deux secondes.
notice-staff-know = « Que savez-vous de moi ? »
    .answer = Nous, ici au magasin : rien. Ce qu’Emma a est gardé sous un nom inventé, et vous pouvez tout voir : { $contact }.
notice-staff-gets = « Qui reçoit mes données ? »
    .answer = Une offre va à { $recipients }, sans votre nom et sans votre chemin dans le magasin.
notice-staff-nobody = « Qui reçoit mes données ? »
    .answer = Pour le moment, personne.
notice-staff-often = « On va me déranger sans arrêt ? »
    .answer = À peine : { $caps }.
notice-staff-lost = « J’ai perdu mon porte-clés. »
    .answer = Vous faites bien de le dire ; nous le faisons rayer tout de suite : { $withdraw }.
notice-staff-complain = « Je veux me plaindre. »
    .answer = C’est votre droit. Écrivez à { $contact } ; { $authority ->
        [none] l’autorité de protection des données de votre lieu de domicile est aussi là pour vous.
       *[other] l’autorité est aussi là pour vous : { $authority }.
    }
notice-staff-never = S’il vous plaît, ne persuadez personne, n’inscrivez personne sans qu’on vous le demande, et ne promettez rien qui ne soit dans l’avis.

## Ce qui a changé

notice-changes-title = Ce qui a changé chez { $shop }
notice-changes-lead = Version { $new } de l’avis, comparée à la version { $old }.
notice-changes-none = Rien de ce que dit l’avis n’a changé.
notice-changes-wider = Ce qui va plus loin
notice-changes-wider-note = Les nouveaux porteurs d’offres et les nouveaux articles sensibles restent à l’écart de toutes les personnes qui avaient accepté avant, jusqu’à ce qu’elles acceptent de nouveau : Emma y veille. Tout le reste vaut pour tous dès que les réglages sont en vigueur. Dites-le donc aux gens avant, et redemandez là où le consentement doit le couvrir.
notice-changes-narrower = Ce qui est plus restreint
notice-changes-other = Ce qui se lit autrement
notice-changed = Changé : { $what }. Avant : { $old }. Maintenant : { $new }.
notice-added = Nouveau : { $what }.
notice-gone = Fini : { $what }.
notice-with = { $what } ({ $value })
notice-what-controller = qui est responsable
notice-what-contact = où écrire
notice-what-authority = l’autorité
notice-what-withdraw = comment dire non
notice-what-notice-url = où lire l’avis
notice-what-receivers = le nombre de récepteurs
notice-what-caps = une limite
notice-what-gap = le temps entre deux offres
notice-what-quiet-hours = les heures de silence
notice-what-hours = de { $from } à { $to }
notice-what-recipient = qui apporte les offres
notice-what-zone = la zone « { $name } » est distinguée
notice-what-sensitive-zone = dans la zone « { $name } », personne n’est situé
notice-what-category = les articles « { $name } »
notice-what-sensitive-category = les articles « { $name } », sensibles, pour qui les a nommés
notice-what-replacement = le silence après un achat de « { $name } »
notice-what-offer = des offres
notice-what-reward = des remerciements
notice-what-service = des messages de service
notice-what-interests = des offres selon les centres d’intérêt
notice-what-price-band = des offres selon la gamme de prix
notice-what-wishes = des offres pour les seuls souhaits
notice-what-control-groups = mesurer ce que font les offres
notice-what-live-values = des chiffres du moment dans les messages
notice-what-opening-hours = le silence quand le magasin est fermé
notice-what-adults-only = seuls des adultes peuvent participer
notice-what-inside = des récepteurs qui transmettent tout ce qu’ils entendent, par le réseau du magasin
notice-what-outside = des récepteurs qui transmettent tout ce qu’ils entendent, par un réseau qui n’est pas celui du magasin
notice-what-between-pis = des récepteurs qui se parlent à l’intérieur du magasin
notice-what-phones = des téléphones qui disent quelles balises du magasin ils entendent
notice-what-playback = des enregistrements rejoués comme s’ils se passaient maintenant
notice-what-kept = combien de temps est gardé : { $what }
