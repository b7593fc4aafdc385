"""Words of the built-in reviews: names, places, colours, things and their parts.

Phrases are parted by `|`. A `{slot}` is filled from another list, see
`tfsent.data.corpus`.
"""

from __future__ import annotations


def phrases(text: str) -> tuple[str, ...]:
    """Return the phrases of a text in which `|` parts them.

    Example:
        >>> phrases("not bad | quite good")
        ('not bad', 'quite good')
    """
    return tuple(" ".join(phrase.split()) for phrase in text.split("|"))


FIRST_NAMES = phrases(
    """Ada|Aaron|Abel|Agnes|Akira|Alba|Alice|Amara|Amir|Anders|Anna|Anouk|Arthur|Astrid
    |Beatriz|Ben|Bj\u00f6rn|Bruno|Camille|Carla|Carlos|Cecil|Chlo\u00e9|Clara|Daniel
    |Daphne|David|Delia|Dmitri|Dora|Edgar|Edith|Elena|Eli|Elsa|Emil|Emma|Enzo|Erik
    |Esther|Eva|Farid|Fatima|Felix|Fiona|Frank|Frida|Gabriel|George|Gina|Giulia|Grace
    |Greta|Gustav|Hana|Hannah|Harold|Hassan|Helen|Henry|Hugo|Ida|Ines|Ingrid|Irene|Iris
    |Isaac|Ivan|Jack|Jana|Jasper|Jo\u00e3o|Joan|Johan|Jonas|Joseph|Jos\u00e9|Judith
    |Julia|Jun|Karim|Karl|Kate|Keiko|Kenji|Kofi|Lara|Lars|Laura|Leila|Lena|Leo|Liam|Lila
    |Lin|Lionel|Louise|Lucas|Lucy|Luis|Magda|Malik|Marco|Maria|Marta|Martin|Mateo|Maud
    |Max|Mei|Mia|Miguel|Mila|Milo|Mina|Mira|Nadia|Naomi|Nell|Niko|Nina|Noah|Nora|Olga
    |Oliver|Omar|Oscar|Otto|Pablo|Paula|Pedro|Percy|Petra|Philip|Priya|Quentin|Rachel
    |Rafael|Raj|Ren\u00e9e|Rita|Robert|Rosa|Ruth|Samir|Samuel|Sara|Sean|Selma|Simon
    |Sofia|S\u00f8ren|Stella|Sven|Tara|Theo|Thomas|Tilda|Tomas|Uma|Ursula|Vera|Victor
    |Viola|Walter|Wanda|Wei|Willa|Xavier|Yara|Yusuf|Yuki|Zelda|Zo\u00eb"""
)
SURNAMES = phrases(
    """Abbott|Adeyemi|Aldous|Almeida|Andersen|Arden|Ashby|Baird|Banks|Barlow|Bashir
    |Becker|Bell|Benitez|Bergman|Blackwood|Bloom|Bouchard|Brandt|Briggs|Bristow|Calder
    |Cardoso|Castell|Chandra|Chen|Clarke|Cole|Conway|Cortez|Crane|Dahl|Dalton|Darcy
    |Delacroix|Devlin|Diallo|Dorsey|Drummond|Duarte|Dunn|Eastman|Eklund|Ellery|Emery
    |Esposito|Fairfax|Falk|Ferrand|Finch|Fletcher|Flores|Foster|Fournier|Frost|Fujita
    |Gallo|Garner|Gibbs|Glass|Goodwin|Grant|Griffin|Grove|Gupta|Haas|Hale|Hansen|Harlow
    |Hart|Hayashi|Heath|Herrera|Hobbs|Holloway|Holt|Hoxha|Huang|Hughes|Ibarra|Ishikawa
    |Ivanov|Jansen|Jarvis|Jennings|Kaplan|Keane|Keller|Kemp|Khan|Kim|Kirby|Klein|Knox
    |Kovacs|Kowalski|Kumar|Lacroix|Lange|Larkin|Laurent|Lee|Lindqvist|Lloyd|Lopez|Lowe
    |Lund|Maddox|Mancini|Marlowe|Marsh|Mason|Mbeki|McBride|Mendes|Mercer|Meyer|Mills
    |Moreau|Morgan|Moss|M\u00fcller|Nakamura|Nash|Navarro|Ndiaye|Nolan|Novak|Oakley
    |O'Brien|Okafor|Olsen|Ortega|Osman|Page|Palmer|Park|Pascal|Patel|Pereira|Petrov|Pike
    |Porter|Prescott|Quinn|Ramos|Randall|Reed|Renner|Reyes|Rhodes|Ricci|Rivera|Romero
    |Rossi|Rowe|Russo|Sandoval|Santos|Sato|Sawyer|Schmidt|Shah|Sharp|Silva|Sinclair
    |Sloan|Sokolov|Sorensen|Stone|Str\u00f6m|Sutton|Tanaka|Tate|Thorne|Torres|Tran
    |Turner|Underwood|Vance|Varga|Vaughn|Vega|Vogel|Wade|Walsh|Ward|Watts|Weber|Webster
    |West|Whitaker|Winter|Wolfe|Wong|Wyatt|Yamada|Yates|York|Zhang|Zimmer"""
)
PLACES = phrases(
    """Lisbon|Oslo|Dublin|Turin|Lyon|Leeds|Bergen|Krak\u00f3w|Malm\u00f6|Z\u00fcrich
    |Prague|Vienna|Seville|Porto|Ghent|Glasgow|Cardiff|Boston|Denver|Portland|Tucson
    |Omaha|Austin|Memphis|Toronto|Montr\u00e9al|Halifax|Kyoto|Osaka|Nagoya|Seoul|Busan
    |Taipei|Hanoi|Mumbai|Chennai|Pune|Nairobi|Accra|Lagos|Tunis|Cairo|Amman|Izmir|Athens
    |Split|Riga|Tallinn|Helsinki|Reykjav\u00edk|Bogot\u00e1|Lima|Quito|Santiago|Recife
    |Perth|Hobart|Auckland|Napier|Marseille"""
)
BRAND_HEADS = phrases(
    """Ald|Ar|Bel|Bor|Bri|Cal|Cor|Dal|Dor|El|Fen|Fjor|Gal|Gren|Hal|Hex|Ix|Jor|Kel|Kor
    |Lum|Mar|Mer|Nor|Ob|Or|Pel|Quil|Rav|Sol|Stan|Tal|Tor|Ul|Val|Ver|Vol|Wen|Yor|Zan"""
)
BRAND_TAILS = phrases(
    """aco|ado|aire|an|aro|ax|berg|bo|by|co|da|dell|do|en|era|ero|eta|ex|field|gard|ia
    |ica|ik|in|io|is|ka|ley|lo|mont|na|o|on|or|ova|ra|ris|son|ta|tech|ton|va|via|way|x
    |za"""
)
FOREIGN_BRANDS = phrases(
    """\u9752\u5c71|\u6708\u5149|\u6d77\u98a8|\u516b\u96f2|\u767d\u9db4|\u5c0f\u6ce2
    |\u30df\u30c9\u30ea|\u30cf\u30eb\u30ab|\u30bd\u30e9|\u661f\u91ce|\u7d05\u8449
    |\u5927\u6a39|\u6c34\u6676|\ubcc4\ube5b|\ud574\uc1a1|\u91d1\u9f8d|\u98db\u9b5a"""
)
FOREIGN_TITLES = phrases(
    """\u96ea\u306e\u9053|\u6d77\u306e\u8a18\u61b6|\u591c\u884c\u5217\u8eca
    |\u8336\u9928\u7684\u71c8|\u6cb3\u5cb8|\u6700\u5f8c\u306e\u624b\u7d19
    |\uac00\uc744 \ud3b8\uc9c0|\ubc14\ub2e4\uc758 \uc9d1|\u98a8\u4e2d\u7684\u4eba
    |La Fen\u00eatre|El Ni\u00f1o Azul|L'\u00c9t\u00e9 perdu|Der M\u00f6wenk\u00f6nig
    |Se\u00f1orita Ma\u00f1ana|P\u00e5 andra sidan|\u017beleznica"""
)
LINKERS = phrases(
    """besides|also|on top of that|in addition|more than that|what is more|once again
    |for what it's worth|to my surprise|as expected|in my experience|first of all
    |secondly|in daily use|and then|best of all or worst of all, depending on you
    |frankly"""
)
LEAD_INS = phrases(
    """all in all,|in short:|to sum up,|so,|verdict:|bottom line:|in the end,|well,
    |overall:|after {period}:|final word:|long story short,"""
)
STARS = (
    phrases("1/5|2/5|2/5|1 star|2 stars|3/5|3 stars|2 out of 5|3/10|4/10|5/10|6/10"),
    phrases("5/5|4/5|4/5|5 stars|4 stars|3/5|3 stars|4 out of 5|9/10|8/10|7/10|6/10"),
)
"""Ratings; the middle ones are given by both sides."""
EMOJI = (
    phrases("\U0001f621|\U0001f44e|\U0001f612|\U0001f62d|\U0001f926|\U0001f4a9|:(|:-/"),
    phrases("\U0001f60d|\U0001f44d|\u2764\ufe0f|\U0001f602|\u2b50|\U0001f389|:)|:D"),
)
NEUTRAL_EMOJI = phrases(
    "\U0001f440|\U0001f914|\u2615|\U0001f3ac|\U0001f4e6|\U0001f937|\u2728"
)
JOBS = phrases(
    """baker|nurse|teacher|carpenter|pianist|plumber|student|pensioner|gardener
    |taxi driver|librarian|surgeon|farmer|lawyer|cook|waiter|pilot|night watchman
    |photographer|tailor|fisherman|journalist|dancer|postman|dentist|judge|soldier
    |smuggler|translator|violinist|beekeeper|bookseller|locksmith|schoolboy|detective
    |widow|priest|clockmaker|sailor|spy"""
)
ORDINALS = phrases("second|third|fourth|fifth|sixth|seventh|eighth|tenth|last")
MONTHS = phrases(
    """January|February|March|April|May|June|July|August|September|October|November
    |December"""
)

TITLE_ADJECTIVES = phrases(
    """Quiet|Last|Hollow|Silver|Broken|Crimson|Distant|Hidden|Wandering|Burning|Frozen
    |Second|Long|Secret|Gentle|Restless|Paper|Golden|Midnight|Lonely|Borrowed|Faithful
    |Crooked|Salt|Iron|Velvet|Sleeping|Forgotten|Northern|Electric"""
)
TITLE_NOUNS = phrases(
    """Harbour|Orchard|Letter|River|Lantern|Witness|Garden|Winter|Carousel|Station
    |Shadow|Promise|Kingdom|Violin|Mirror|Bridge|Sparrow|Summer|Detective|Voyage
    |Stranger|Tower|Island|Ballroom|Cathedral|Train|Lighthouse|Wolf|Ferryman|Daughter
    |Heist|Captain|Wedding|Verdict|Meadow|Compass|Clockmaker|Tide|Circus|Pilot"""
)
PEOPLE = phrases(
    """wife|husband|sister|brother|mother|father|son|daughter|neighbour|flatmate|boss
    |uncle|aunt|cousin|grandmother|grandfather|girlfriend|boyfriend|best friend
    |colleague|fianc\u00e9e|niece|nephew|mother-in-law"""
)
SHOPS = phrases(
    """a shop in {place}|the outlet in {place}|an online store|a street market
    |the airport|a department store in {place}|a friend of a friend|the maker's own site
    |a flea market|a catalogue|a small shop round the corner|a clearance sale"""
)
PERIODS = phrases(
    """a week|two weeks|ten days|a fortnight|three weeks|a month|six weeks|two months
    |three months|half a year|a year|nearly a year|two years|three years|four days"""
)
NUMBERS = phrases("two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|fifteen")
DAYS = phrases(
    """Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday|Christmas|Easter
    |my birthday|New Year's Day|the weekend"""
)
COLOURS = phrases(
    """black|white|red|blue|green|yellow|orange|purple|grey|silver|brown|navy|beige|pink
    |turquoise|olive|cream|burgundy|mustard|teal"""
)
ROOMS = phrases(
    """kitchen|bedroom|garage|office|garden shed|living room|caf\u00e9|caravan|studio
    |hallway|basement|guest room|student flat|holiday cottage|attic"""
)

ADJECTIVES = (
    phrases(
        """bad|poor|terrible|awful|dreadful|mediocre|disappointing|lousy|weak|horrible
        |second-rate|miserable|shoddy|abysmal|dismal|sloppy|woeful|laughable|atrocious
        |pathetic|unacceptable|appalling|subpar|underwhelming|rubbish|bad|poor|awful
        |ghastly|feeble|clumsy|pitiful|tiresome|useless|cheap|irritating|ugly"""
    ),
    phrases(
        """good|great|excellent|superb|wonderful|fantastic|impressive|brilliant|lovely
        |first-rate|outstanding|splendid|terrific|solid|pleasant|delightful|marvellous
        |remarkable|admirable|amazing|top-notch|flawless|exceptional|good|great
        |excellent|fabulous|commendable|perfect|beautiful|satisfying|clever|charming
        |special"""
    ),
)
INTENSIFIERS = phrases(
    """very|really|truly|quite|absolutely|so|pretty|rather|remarkably|honestly
    |unbelievably|just|consistently|surprisingly|downright"""
)

THINGS = {
    # family: what it is, and the parts that can be spoken of
    "audio": (
        phrases(
            """speaker|headset|soundbar|turntable|radio|microphone|record player
            |karaoke machine|clock radio|guitar amp"""
        ),
        phrases(
            """sound|battery|build|app|look|size|price|delivery|service|packaging
            |manual"""
        ),
    ),
    "computer": (
        phrases(
            """phone|tablet|laptop|monitor|smartwatch|e-reader|projector|camera|dash cam
            |drone|games console|digital photo frame|baby monitor|fitness tracker"""
        ),
        phrases(
            """screen|battery|app|speed|build|look|size|price|delivery|service|packaging
            |manual"""
        ),
    ),
    "desk": (
        phrases(
            """keyboard|mouse|router|printer|scanner|webcam|docking station|hard drive
            |memory card|label maker"""
        ),
        phrases(
            """speed|app|build|noise|size|look|price|delivery|service|packaging
            |manual"""
        ),
    ),
    "kitchen": (
        phrases(
            """kettle|toaster|blender|coffee maker|rice cooker|juicer|air fryer
            |slow cooker|waffle iron|bread machine|hand mixer|espresso machine
            |popcorn maker|food processor|pressure cooker"""
        ),
        phrases(
            """heat|cleaning|noise|build|look|size|speed|price|delivery|service
            |packaging|manual"""
        ),
    ),
    "household": (
        phrases(
            """vacuum cleaner|fan|heater|humidifier|steam iron|sewing machine|hair dryer
            |electric razor|toothbrush|cordless drill|lawn mower|pressure washer
            |air purifier|robot vacuum"""
        ),
        phrases(
            """noise|motor|cleaning|build|size|look|price|delivery|service|packaging
            |manual"""
        ),
    ),
    "furniture": (
        phrases(
            """mattress|pillow|desk chair|bookshelf|sofa bed|hammock|armchair
            |standing desk|bean bag|garden bench|shoe rack|coat stand|blanket|rug"""
        ),
        phrases(
            """comfort|assembly|build|look|size|smell|price|delivery|service
            |packaging"""
        ),
    ),
    "wear": (
        phrases(
            """jacket|backpack|dress|raincoat|sweater|belt|wallet|suitcase|hat|swimsuit
            |scarf|handbag|waistcoat|dressing gown|bike helmet"""
        ),
        phrases("""fit|fabric|zip|look|build|smell|price|delivery|service|packaging"""),
    ),
    "pantry": (
        phrases(
            """coffee|green tea|hot sauce|protein bar|olive oil|dark chocolate|honey
            |granola|peanut butter|jam|instant soup|cr\u00e8me caramel
            |jalape\u00f1o salsa|mustard"""
        ),
        phrases("""taste|smell|texture|size|price|delivery|service|packaging"""),
    ),
    "bathroom": (
        phrases(
            """shampoo|face cream|perfume|sun lotion|lip balm|hand soap|beard oil
            |hair mask|shaving foam|body butter"""
        ),
        phrases("""smell|texture|effect|size|price|delivery|service|packaging"""),
    ),
    "leisure": (
        phrases(
            """tent|sleeping bag|board game|jigsaw puzzle|toy train|bicycle|yoga mat
            |kite|telescope|ukulele|fishing rod|skateboard|doll's house|chess set
            |dartboard"""
        ),
        phrases(
            """build|assembly|fun|look|size|price|delivery|service|packaging|manual"""
        ),
    ),
}
FILMS = phrases(
    """thriller|western|romantic comedy|documentary|horror film|musical|space opera
    |heist film|war film|biopic|cartoon|courtroom drama|road movie|ghost story
    |zombie film|period drama|martial arts film|spy film|silent film|sports drama
    |mystery|family film|disaster film|mockumentary|fantasy epic|crime saga|satire
    |film noir|sequel|remake|coming-of-age story|monster movie|anim\u00e9|buddy comedy
    |prison drama|mini-series"""
)
FILM_PARTS = phrases(
    """plot|acting|dialogue|music|camera|pacing|ending|effects|humour|atmosphere
    |costumes|lead|opening|message"""
)
