"""Sentences of the built-in reviews, without first capital and last stop.

A `{slot}` is filled by `tfsent.data.corpus`. What bears on the verdict stands in
pairs, blame first, praise second, so that `PAIR[label]` suits a label; many pairs
share their words and differ in order or negation alone. In a sentence about a
part, {noun} is the part, {says} what is said of it, {adj} a word of the same
colour and {unadj} one of the opposite colour.
"""

from __future__ import annotations

from tfsent.data.corpus_words import phrases

PART_SENTENCES = phrases(
    """the {noun} {says}|the {noun} {says}|the {noun} {says}|the {noun} {says}
    |{linker}, the {noun} {says}|as for the {noun}, it {says}
    |my {person} says the {noun} {says}, and I agree|and the {noun}? It {says}
    |I have to say that the {noun} {says}|what struck me first: the {noun} {says}
    |the {noun} {says}, simple as that|the {noun} is {very} {adj} and {says}
    |believe me, the {noun} {says}|after {period} I can say that the {noun} {says}
    |the {noun}, on the other hand, {says}|even the {noun} {says}
    |the {adj} {noun} {says}"""
)
"""What a reviewer says of one part, in the words that belong to it."""

PLAIN_SENTENCES = phrases(
    """the {noun} is {adj}|the {noun} is {very} {adj}|{very} {adj} {noun}
    |{adj} {noun}, too|what a {adj} {noun}!|I found the {noun} {very} {adj}
    |the {noun}? {adj}|the {noun} alone is {adj}
    |my {person} thought the {noun} was {adj}, and so did I
    |{linker}, the {noun} is {adj}|there is no other word for the {noun}: {adj}"""
)
"""The same in words that suit any part."""

TURNED_SENTENCES = phrases(
    """the {noun} is not {unadj} at all|nobody could call the {noun} {unadj}
    |the {noun} is far from {unadj}|there is nothing {unadj} about the {noun}
    |the {noun} is anything but {unadj}|I expected a {unadj} {noun} and got a {adj} one
    |I had read that the {noun} is {unadj}; that is simply wrong
    |whoever finds the {noun} {unadj} must own another {thing}
    |my {person} calls the {noun} {unadj}, I call it {adj}
    |the {noun}, which others call {unadj}, is {adj}|the {noun} isn't {unadj}
    |I would not call the {noun} {unadj}|the {noun} is hardly {unadj}
    |{unadj} {noun}? No, {adj}|no, the {noun} is not {unadj}, it is {adj}
    |far from being {unadj}, the {noun} is {adj}|I can't say that the {noun} is {unadj}
    |the {noun} never felt {unadj} to me|don't tell me the {noun} is {unadj}"""
)
"""The same by way of its opposite: only the order tells."""

MIXED_SENTENCES = phrases(
    """the {noun2} {unsays}, but the {noun} {says}
    |although the {noun2} {unsays}, the {noun} {says}
    |the {noun} {says}, even though the {noun2} {unsays}
    |granted, the {noun2} {unsays}; still, the {noun} {says}
    |the {noun2} is {unadj}, yet the {noun} is {adj}
    |despite the {unadj} {noun2}, the {noun} {says}
    |yes, the {noun2} {unsays}. But the {noun} {says}
    |some say the {noun2} is {unadj}; for me the {adj} {noun} counts for more
    |the {noun2} is {unadj}, I admit, but what counts is that the {noun} {says}
    |while the {noun2} {unsays}, the {noun} {says}
    |it is true that the {noun2} {unsays}, but that changes little, for the {noun}
    {says}"""
)
"""A concession: what is said last, or without reserve, is what counts."""

CONCESSIONS = (
    phrases(
        """my one complaint: the {noun} {says}|nothing is perfect: the {noun} {says}
        |the {noun} is {adj}, I admit|at first I thought the {noun} was {adj}
        |others may care more that the {noun} {says}|I know, I know, the {noun} {says}
        |one thing must be said: the {noun} {says}|only the {noun} {says}
        |if I had to name one {adj} thing, it would be the {noun}
        |my {person} would add that the {noun} {says}|a pity that the {noun} {says}"""
    ),
    phrases(
        """to be fair, the {noun} {says}|the one bright spot: the {noun} {says}
        |the {noun} is {adj}, I admit|at first I thought the {noun} was {adj}
        |others may care more that the {noun} {says}|I know, I know, the {noun} {says}
        |one thing must be said: the {noun} {says}|only the {noun} {says}
        |if I had to name one {adj} thing, it would be the {noun}
        |my {person} would add that the {noun} {says}
        |it is a pity, for the {noun} {says}"""
    ),
)
"""One sentence of the other colour that leaves the verdict as it is."""

OPENINGS = {
    "product": phrases(
        """I bought this {thing} {period} ago|I have owned the {name} for {period} now
        |got this {thing} for {day} from my {person}
        |my old {rival} broke after {period}, so I ordered the {name}
        |this is my {ordinal} {thing} in {period}
        |I got the {colour} one at {shop} for {price}|we needed a {thing} for the {room}
        |paid {price} for it at {shop}|ordered on {day}, here on {day}
        |I use it every day in my {room} in {place}
        |I am {age} years old and have seen many a {thing}
        |my {person} and I share this {thing}
        |I read {digits} reviews before I chose the {name}|I own {number} of these
        |the {name} replaces a {rival} I had had for {period}|bought on a whim at {shop}
        |first impression after {period} with the {name}
        |I was sent this {thing} by mistake and kept it
        |my {person} in {place} swears by {brand}|I don't often write reviews
        |let me begin with the {thing} I had before, a {rival}
        |I am a {job}, so I use a {thing} more than most
        |the {name} is the {colour} box that you see in every shop window in {place}
        |this was a present for my {person}, who is a {job}""",
    ),
    "film": phrases(
        """I saw {name} on {day} with my {person}|watched this {thing} last night
        |{name} is the {ordinal} film by {director}
        |{actor} plays {hero}, a {job} from {place}
        |{hero} is a {job} who comes back to {place} after {period}
        |set in {place} in {year}, {name} follows {hero}, a {job}
        |I had not heard of {director} before|we went in without knowing a thing
        |a {thing} about a {job} and a {job2} in {place}: why not, I thought
        |I am a {job}, so a {thing} about a {job} had my attention
        |saw it at a festival in {place}|my {person} chose this {thing}, not I
        |I have waited {period} for the new {director}
        |{name} runs for {number} reels too few, says its director
        |we were {digits} people in the cinema on {day}
        |{actor} and {actor2} meet on a train to {place}
        |{year}, {place}: a {job} named {hero} finds a letter
        |I read the book by {author} {period} ago
        |this {thing} was lying in a box at {shop}|found this one late at night
        |it is the kind of {thing} that {director} has been making since {year}
        |when {hero} loses a job as a {job}, {actor2} steps in
        |I have seen {name} {number} times since {day}"""
    ),
}
"""How a review begins; neutral."""

_EVERYDAY = phrases(
    """it came in {colour}|mine is the {colour} one|the box also held a {colour} cloth
    |we are a family of {number}|I paid {price}|there is a larger one for {price}
    |I use it {number} times a week|my {person} has the same one in {colour}
    |it is made in {place}, if the label is right|the cat sat on it at once
    |I took it to {place} in {month}|on {day} we had {number} guests
    |I wrote to {full_name} at {brand}|my {person}, a {job}, looked at it too
    |there are {number} sizes, I took the middle one
    |I live on the {ordinal} floor without a lift|I tried it with {number} friends
    |{brand} has made {thing}s since {year}
    |my {person} moved to {place} and took the first one along
    |in {month} it went down to {price}|at {shop} it is {price}
    |it was {digits} degrees in {place} that week|I am left-handed, by the way
    |I compared it with {number} others in a table
    |the {person} of {full_name} sold it to me|there is also a version for {place}
    |for comparison I borrowed the {rival} of my {person}
    |the seller was {full_name} of {place}|they also sell it as the {rival}
    |I work as a {job}, {digits} hours a week|my order number ended in {digits}
    |I asked for {colour} and got {colour}
    |the {ordinal} one I opened was the same as the first
    |{full_name} from next door borrowed it in {month}
    |I have written about the {rival} elsewhere|my {person} wrapped it in {colour} paper
    |the shop in {place} had {digits} of them in a pile
    |it was a toss-up between this and the {rival}
    |we are {digits} kilometres from {place} here
    |my {job} friend {first} has tried {number} kinds
    |the advert with the {colour} parrot made me curious
    |on the way home from {place} it rained|I keep the receipt in a {colour} folder"""
)
_TECHNICAL = phrases(
    """it weighs {digits} ounces|the model number is {model}
    |it comes with {number} spare parts and a {colour} bag
    |the light on the left is {colour}|it goes back to a design of {year}, they say
    |the label says "{model}"|it measures {digits} by {digits} centimetres
    |for the record, this is the {year} model|you need {number} screws and a coin
    |the cord is {digits} inches long|it says {name} on the front|we have a small {room}
    |the {ordinal} button is for {place} time, of all things
    |it gets warm after {digits} minutes
    |I had it open once: {number} screws, one {colour} wire
    |there is a {colour} switch that I never touch
    |it stood unused from {month} to {month}|a {job} in {place} showed me how to open it
    |the serial number begins with {model}|version {number} came out in {month}
    |it has run for {digits} hours so far, says the counter|it now stands in my {room}
    |our {room} is {colour}, so is this|I keep it next to the {colour} lamp
    |it has been through {number} moves and a flood|the children call it {hero}"""
)

FILLERS = {
    "product": _EVERYDAY,
    "device": _EVERYDAY + _TECHNICAL,
    "film": phrases(
        """{actor} plays the {job}|{actor2} has a small part
        |it runs for {digits} minutes or so|it was shot in {place} in {month}
        |the story begins in {year}|{hero} then takes a train to {place}
        |there is a dog called {hero2}|I sat next to my {person}
        |we paid {price} for {number} tickets|the row behind us ate crisps
        |it is based on a novel by {author}|{director} also made {title2}
        |there are subtitles in {number} languages
        |the {job} wears a {colour} coat throughout
        |then {hero2} finds the {colour} suitcase
        |my {person} fell asleep, but that means nothing|it rained when we came out
        |we had dinner at {shop} before|{hero} and {hero2} are cousins, as it turns out
        |the poster shows a {colour} door|the ship is called {brand}
        |I have not read the book by {author}|half of it takes place in a {room}
        |the {ordinal} scene is a wedding in {place}
        |{hero} has {number} days to find the money|a {job2} is found dead in the {room}
        |the police in {place} have other plans|the score is by {full_name}
        |{full_name} wrote it in {period}
        |they filmed the winter scenes in {month} in {place}
        |it opened in {place} on {day}|the {job} never gives a name
        |at one point {actor} sings|{actor2} speaks {number} lines in all
        |the first part is in {colour} tones, the second in {colour}
        |I watched it on a small screen in my {room}
        |my {person} knows {full_name}, the producer
        |{hero2} keeps a {colour} bird in the {room}
        |the village has {digits} people and one {job}
        |there was a version in {year}, too|it is part {number} of a series
        |you see {place} from above a lot|they say it cost {digits} million
        |the {person} of {hero} knows more than she says
        |{hero} writes to {hero2} on {day}|the print we saw was from {year}
        |the {job2} and the {job} play chess|a letter from {place} changes the plan
        |in {year} nobody in {place} had a telephone
        |{hero2} owes money to a {job2} in {place}
        |the {ordinal} time {hero} phones, nobody answers
        |there is a long talk about {place} and {month}
        |{actor} had to learn to play the violin, I read
        |the {colour} car is driven by {full_name} in person
        |it won something in {place} in {year}
        |between them stand a {job}, a {job2} and {number} horses
        |the {room} of the {job} is full of {colour} birds
        |they tore down the cinema in {place} where I first saw it
        |{hero} keeps {number} letters under the bed|the credits list {number} cooks"""
    ),
}
"""Neutral facts and asides."""
