"""What the built-in reviews say of the parts of a product and the sides of a film.

Phrases are parted by `|`; see `tfsent.data.corpus_words`.
"""

from __future__ import annotations

from typing import NamedTuple

from tfsent.data.corpus_words import phrases


class Part(NamedTuple):
    """One part or side of a thing, and what reviewers say of it."""

    nouns: tuple[str, ...]
    """What it is called, in the singular, after "the"."""
    opinions: tuple[tuple[str, ...], tuple[str, ...]]
    """Verb phrases of an unhappy and of a happy reviewer: `opinions[label]`."""


def _part(nouns: str, praise: str, blame: str) -> Part:
    return Part(phrases(nouns), (phrases(blame), phrases(praise)))


PARTS = {
    "sound": _part(
        "sound|bass|treble|sound quality|stereo image",
        """fills the whole room|is crisp and well balanced|makes old records feel new
        |stays clear at full volume|brings out details I had never heard
        |has warmth and punch|is clean down to the lowest note|gives me goosebumps
        |carries right out into the garden|puts the singer in the room""",
        """rattles above half volume|is thin and tinny|crackles every few minutes
        |drowns in hiss|makes every singer sound like a robot|is muddy and flat
        |cuts out in the middle of songs|hurts after ten minutes
        |would embarrass a tin can|turns piano music into porridge""",
    ),
    "battery": _part(
        "battery|battery life|charge|power pack",
        """lasts {number} days with ease|never dies on me|outlives a long flight
        |charges in under an hour|still holds up after {period}
        |gets me through a full week|goes on and on|is full again before breakfast""",
        """lasts {number} minutes at best|dies before lunch
        |does not survive a short flight|takes all night to fill|gave up after {period}
        |drains even when switched off|goes flat just when I need it
        |needs a socket nearby at all times""",
    ),
    "build": _part(
        "build|casing|handle|frame|finish|construction|workmanship",
        """feels as if it were made to last|survived a fall down the stairs
        |shows no scratch after {period}|is sturdy without being heavy
        |feels solid in the hand|has no sharp edge anywhere
        |takes a beating and stays whole|is put together with real care|holds firm
        |still looks new after {period}""",
        """feels as if it were made of yoghurt pots|cracked on the first day
        |was scratched after {period}|wobbles and creaks|came apart in my hands
        |has sharp edges everywhere|bends if you look at it|is held together by hope
        |snapped clean off|broke after {period}""",
    ),
    "app": _part(
        "app|software|firmware|menu|setup",
        """just works|connects the first time, every time
        |took me {number} minutes to learn|keeps getting better with each update
        |is clear enough for my {person}|finds every device in the house
        |never asks for an account|remembers all my settings""",
        """crashes twice a day|loses the connection all the time|took me {number} hours
        |gets worse with each update|baffles even my {person}
        |finds no device in the house|asks for an account, an address and a phone number
        |forgets all my settings""",
    ),
    "screen": _part(
        "screen|display|picture|image",
        """is bright even in full sun|is razor sharp|shows true colours
        |is a joy to look at all day|makes photos glow|is easy on the eyes
        |shows no smear when things move|has real, deep blacks""",
        """is too dim to read in the sun|is blurred at the edges
        |shows every face in green|gives me a headache|makes photos look like soup
        |flickers|has {number} dead pixels|has blacks that are dark grey at best""",
    ),
    "speed": _part(
        "speed|response|performance|start-up",
        """is faster than I can follow|keeps up with anything I throw at it
        |leaves no time to wait|saves me {number} minutes a day
        |is instant, without any lag|never stutters|beats machines twice the price""",
        """is slower than I can bear|falls behind at anything I throw at it
        |leaves time to make tea|costs me {number} minutes a day
        |is all lag and no action|stutters|loses against machines half the price""",
    ),
    "noise": _part(
        "noise level|hum|fan noise|motor sound",
        """is so low that the baby slept through|is barely a whisper
        |does not disturb anyone|lets us talk while it runs|is no louder than the fridge
        |has never woken the cat|stays in the background""",
        """is so high that the baby woke up|is closer to a jet|disturbs the whole street
        |makes talking impossible while it runs
        |is louder than the fridge, the dog and the radio together
        |drove the cat out of the house|goes right through the walls""",
    ),
    "heat": _part(
        "heat|temperature|thermostat|heating",
        """is even from edge to edge|is right where I set it
        |comes up in {number} minutes|never burns anything
        |keeps things hot until the last guest has come|makes a golden crust
        |stays exactly where I want it""",
        """is cold in the middle and burnt at the edge|is never where I set it
        |takes {number} minutes to come up|burns everything
        |is gone before the first guest has come|makes charcoal
        |jumps up and down as it pleases""",
    ),
    "cleaning": _part(
        "cleaning|upkeep|filter|maintenance",
        """takes {number} seconds under the tap|is no work at all
        |needs nothing but a wet cloth|can be left to my {person}|is quickly done
        |asks for no special tool""",
        """takes {number} minutes and an old toothbrush|is more work than the job itself
        |needs three cloths and a prayer|made my {person} swear|is never really done
        |asks for a tool that nobody sells""",
    ),
    "motor": _part(
        "motor|power|suction|strength",
        """eats whatever I put in front of it|never gets hot|does the job in one go
        |has more in reserve than I need|pulls like a horse
        |runs as well as on the first day""",
        """chokes on whatever I put in front of it|smells of burning
        |needs five goes for the job|has less strength than my {person}
        |gave up with a bang|lost its breath after {period}""",
    ),
    "comfort": _part(
        "comfort|padding|support|cushioning",
        """made my back pain go away|lets me sit for hours|is like a cloud
        |is just firm enough|keeps its shape after {period}|sends me to sleep at once
        |suits both me and my {person}""",
        """gave me back pain|lets nobody sit for long|is like a sack of bricks
        |is far too soft|lost its shape after {period}|kept me awake all night
        |suits neither me nor my {person}""",
    ),
    "assembly": _part(
        "assembly|construction|setting up|fitting",
        """took {number} minutes without a single curse|is child's play
        |needs no tools at all|went together like clockwork|was fun with the children
        |was done before the tea was cold""",
        """took {number} hours and every curse I know|is a nightmare
        |needs tools that are not in the box|left me with {number} screws too many
        |ended in tears|is impossible, as no hole meets its screw""",
    ),
    "look": _part(
        "look|design|colour|style",
        """gets compliments every time|suits my {room} to a T
        |is even nicer than the photo|is elegant without showing off|has aged well
        |turns heads|is exactly the {colour} I was after""",
        """gets pitying looks|spoils my whole {room}|is nothing like the photo
        |is loud and tacky|has aged badly in {period}|makes people laugh
        |is more of a {colour} than the {colour} I ordered""",
    ),
    "size": _part(
        "size|format|weight|shape",
        """is just right for two people|fits neatly where I need it|is exactly as stated
        |is perfect for travelling|leaves room for everything else
        |is better than expected""",
        """is too much for any shelf|fits nowhere|is not at all as stated
        |is hopeless for travelling|leaves room for nothing else|is a bad joke""",
    ),
    "smell": _part(
        "smell|scent|aroma|fragrance",
        """is fresh and gentle|brings back my childhood
        |stays all day without being heavy|is a pleasure|makes strangers ask what it is
        |reminds me of summer in {place}|is subtle""",
        """is sharp and chemical|brings tears to my eyes|is gone after {number} minutes
        |is like wet dog|makes strangers move away|reminds me of the bins in {place}
        |gave me a headache""",
    ),
    "fit": _part(
        "fit|cut|length|shape",
        """is true to size|follows every move|is as if it were made for me
        |flatters even after Christmas dinner|leaves room for a pullover
        |sits well on the shoulders""",
        """is two sizes off|pinches at every move|is as if it were made for a tent pole
        |flatters nobody|leaves no room to breathe|slips off the shoulders""",
    ),
    "fabric": _part(
        "fabric|material|lining|stitching",
        """is soft and warm|keeps the rain out|survived {number} washes
        |breathes well on hot days|has not lost a thread
        |feels far more costly than it was""",
        """is stiff and scratchy|lets the rain in|did not survive {number} washes
        |makes me sweat in winter|is coming apart|feels like a rubbish bag""",
    ),
    "zip": _part(
        "zip|zipper|clasp|buckle",
        """runs smoothly every time|has never got stuck|can be worked with gloves on
        |closes with a good, solid click|is as strong as on a climbing harness""",
        """got stuck on day one|bites into the lining|cannot be worked with cold hands
        |opens by itself|broke off after {period}""",
    ),
    "taste": _part(
        "taste|flavour|aftertaste|recipe",
        """is rich and round|has just enough sweetness|made my {person} ask for more
        |is the real thing, as I know it from {place}|gets better with each spoonful
        |wakes me up with a smile""",
        """is flat and bitter|is nothing but sugar|made my {person} reach for water
        |has nothing to do with what I know from {place}|gets worse with each spoonful
        |stays in the mouth for hours, sadly""",
    ),
    "texture": _part(
        "texture|consistency|mouthfeel|quality",
        """is smooth as silk|is just as it should be|is light and never sticky
        |shows that somebody took care|melts away""",
        """is lumpy|is like wet sand|is greasy and sticky|shows that nobody took care
        |is closer to glue""",
    ),
    "effect": _part(
        "effect|result|difference|outcome",
        """was plain to see after {period}|made my {person} ask what I had changed
        |lasts until evening|is gentle even on my bad skin
        |is better than at the salon""",
        """was nowhere to be seen after {period}|made my {person} ask if I was ill
        |is gone before noon|is a red rash|was worse than soap and water""",
    ),
    "fun": _part(
        "fun|play value|appeal|experience",
        """kept {number} children busy all afternoon|grows with every try
        |brought three generations to one table|makes us forget our phones
        |has not worn off after {period}""",
        """was over after {number} minutes|shrinks with every try
        |sent three generations to their rooms|makes us reach for our phones
        |had worn off by tea time""",
    ),
    "price": _part(
        "price|value|cost|price tag",
        """is more than fair|is a steal|makes up for a lot|is worth it twice over
        |could be double and I would still pay|leaves money for a good dinner""",
        """is a scandal|is robbery|is hard to forgive|is not worth half of it
        |could be halved and I would still feel cheated|bought nothing but trouble""",
    ),
    "delivery": _part(
        "delivery|shipping|parcel|courier",
        """came a day early|was quick and careful|arrived on {day}, as promised
        |was free and fast|beat every forecast""",
        """came {number} days late|ended in my neighbour's hedge|missed {day} by a week
        |was slow and dear|cost me {number} phone calls""",
    ),
    "service": _part(
        "service|support line|customer service|help desk",
        """answered within the hour|sent a new one without a question
        |was patient with my {person}|knew what I meant at once|called back, twice
        |solved it in {number} minutes""",
        """never answered|blamed me for everything|hung up on my {person}
        |had no idea what I meant|promised to call back, twice
        |put me on hold for {number} minutes""",
    ),
    "packaging": _part(
        "packaging|box|wrapping|lid",
        """is neat and needs no scissors|kept everything safe|is all paper, no plastic
        |is so pretty that we kept it|opens with one hand""",
        """is a fight with three layers of plastic|kept nothing safe|was torn and wet
        |leaked all over the bag|opens only with a bread knife""",
    ),
    "manual": _part(
        "manual|guide|leaflet|set of instructions",
        """explains everything on one page|is clear, with good drawings
        |answers every question I had|is written by someone who uses the thing""",
        """explains nothing in {number} pages|is in every language but mine
        |raises more questions than it answers
        |is written by someone who never saw it""",
    ),
    "plot": _part(
        "plot|story|script|screenplay|premise",
        """keeps you guessing until the end|never takes the easy way out
        |ties {number} threads together without a knot|is simple and told with care
        |respects its audience|gains weight with every scene|is fresh
        |surprised even my {person}, who guesses everything""",
        """gives itself away in {number} minutes|takes the easy way out every time
        |drops {number} threads and forgets them|is thin and told without care
        |insults its audience|falls apart halfway|was old when my {person} was young
        |has holes you could drive a bus through""",
    ),
    "acting": _part(
        "acting|cast|performance of {actor}|ensemble|supporting cast",
        """is worth the ticket alone|never hits a false note|made me forget the cameras
        |breathes life into every line|deserves every prize there is|broke my heart
        |carries the whole film|says more with a look than others with a speech""",
        """is not worth the ticket|hits nothing but false notes|made me look at my watch
        |is as stiff as the scenery|deserves a prize for sleepwalking|left me cold
        |drags down the whole film|says nothing with a look and less with a speech""",
    ),
    "dialogue": _part(
        "dialogue|writing|banter|narration",
        """sparkles|sounds like people I know|had the whole row quoting it afterwards
        |leaves the right things unsaid|is sharp and quick|trusts silence""",
        """creaks|sounds like nobody I know|had the whole row groaning
        |explains what we can see|is clumsy and slow|never stops for breath""",
    ),
    "music": _part(
        "music|score|soundtrack|theme song",
        """has been in my head since {day}|lifts every scene|knows when to be silent
        |is worth buying by itself|made the hair on my arms stand up
        |mixes jazz and strings to great effect""",
        """has been giving me a headache since {day}|smothers every scene
        |never knows when to be silent|is lifted from better films
        |made me wish for earplugs|mixes jazz and strings and ruins both""",
    ),
    "camera": _part(
        "camera work|cinematography|photography|lighting|editing",
        """turns {place} into a painting|never shows off|finds beauty in a car park
        |holds each shot just long enough|is breathtaking on the big screen
        |makes every frame count""",
        """turns {place} into a postcard|never holds still|finds nothing to look at
        |cuts so fast that I felt sick|is murky even on the big screen
        |makes every frame look like an advert""",
    ),
    "pacing": _part(
        "pacing|rhythm|middle part|second act",
        """leaves no time to get bored|is unhurried in the best sense
        |builds up without a slack minute|made {number} hours feel like one
        |tightens the screw slowly|never lets go""",
        """leaves plenty of time to get bored|is slow in the worst sense
        |sags for {number} long scenes|made one hour feel like {number}
        |goes nowhere slowly|had people leaving""",
    ),
    "ending": _part(
        "ending|finale|last scene|twist|resolution",
        """is earned|left the whole room in tears|turns everything on its head
        |stayed with me for days|is both sad and hopeful|lands perfectly""",
        """is a cheat|left the whole room shaking their heads|makes no sense at all
        |was forgotten by the time I reached the car|is neither sad nor hopeful
        |comes out of nowhere and goes back there""",
    ),
    "effects": _part(
        "effect work|animation|monster|stunt work",
        """is so real that I ducked|serves the story|was clearly made with love
        |still looks fresh after {period}|puts bigger budgets to shame""",
        """is so fake that I laughed|buries the story|was clearly made in a hurry
        |looked dated after {period}|would shame a school play""",
    ),
    "humour": _part(
        "humour|comedy|wit|slapstick",
        """had us in stitches|comes from the characters|never punches down
        |lands nine times out of ten|made my {person} cry with laughter
        |is dry and clever""",
        """had us in silence|comes from a tin|punches down all the time
        |misses nine times out of ten|made my {person} leave the room
        |is stale and loud""",
    ),
    "atmosphere": _part(
        "atmosphere|mood|tone|suspense|setting",
        """creeps under your skin|is thick enough to touch|takes you right to {place}
        |never breaks|lingers for days|is dark yet full of hope""",
        """creeps along|is thick with clich\u00e9s|never gets anywhere near {place}
        |changes every five minutes|lingers like cold smoke|is dark and nothing else""",
    ),
    "costumes": _part(
        "costume design|set design|make-up|d\u00e9cor|wardrobe",
        """is a feast for the eyes|gets every button right|brings the {decade}s to life
        |tells half the story by itself""",
        """is an insult to the eyes|gets every button wrong
        |makes the {decade}s look like a fancy dress party
        |looks borrowed from a school""",
    ),
    "lead": _part(
        "lead character|hero|heroine|villain|character of {hero}",
        """is somebody I would follow anywhere|grows from scene to scene
        |is flawed and human|made me care at once|is played with real feeling""",
        """is nobody I would follow anywhere|learns nothing from scene to scene
        |is made of cardboard|made me wish for a quick end|is played with no feeling""",
    ),
    "opening": _part(
        "opening|first scene|first half hour|beginning",
        """grabs you by the collar|sets the tone in {number} minutes without a word
        |is among the best of the year|promises a lot and keeps it""",
        """sends you for popcorn|needs {number} minutes to say nothing
        |is among the worst of the year|promises a lot and keeps nothing""",
    ),
    "message": _part(
        "message|moral|theme|idea behind it",
        """made us talk all the way home|is never forced on you|rings true
        |has stayed with me since {day}|comes from the heart""",
        """made us yawn all the way home|is hammered home every minute|rings hollow
        |was gone by {day}|comes from a marketing department""",
    ),
}
