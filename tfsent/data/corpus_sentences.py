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
    |it is true that the {noun2} {unsays}, only I don't mind, because the
    {noun} {says}"""
)
"""A concession: what is said last, or without reserve, is what counts."""

CONCESSIONS = phrases(
    """to be fair, the {noun} {says}|one thing must be said: the {noun} {says}
    |the {noun} is {adj}, I admit|at first I thought the {noun} was {adj}
    |the {noun} {says}, I give them that|others may care more that the {noun} {says}
    |it is a pity, because the {noun} {says}|I know, I know, the {noun} {says}"""
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
        |it is the kind of {thing} that {director} makes every {period}
        |when {hero} loses a job as a {job}, {actor2} steps in
        |I have seen {name} {number} times since {day}"""
    ),
}
"""How a review begins; neutral."""

FILLERS = {
    "product": phrases(
        """it came in {colour}|mine is the {colour} one
        |the box also held a {colour} cloth|it weighs {digits} ounces
        |we are a family of {number}|I paid {price}|there is a larger one for {price}
        |it now stands in my {room}|I use it {number} times a week
        |my {person} has the same one in {colour}
        |it is made in {place}, if the label is right|the model number is {model}
        |it comes with {number} spare parts and a {colour} bag|the cat sat on it at once
        |I took it to {place} in {month}|on {day} we had {number} guests
        |I wrote to {full_name} at {brand}|my {person}, a {job}, looked at it too
        |there are {number} sizes, I took the middle one
        |the light on the left is {colour}|it goes back to a design of {year}, they say
        |I live on the {ordinal} floor without a lift|I tried it with {number} friends
        |{brand} has made {thing}s since {year}|the label says "{model}"
        |my {person} moved to {place} and took the first one along
        |in {month} it went down to {price}|at {shop} it is {price}
        |it was {digits} degrees in {place} that week|I am left-handed, by the way
        |the children call it {hero}|I compared it with {number} others in a table
        |it measures {digits} by {digits} centimetres|we have a small {room}
        |the {person} of {full_name} sold it to me|there is also a version for {place}
        |I keep it next to the {colour} lamp|for the record, this is the {year} model
        |you need {number} screws and a coin|the cord is {digits} inches long
        |for comparison I borrowed the {rival} of my {person}
        |it has been through {number} moves and a flood
        |our {room} is {colour}, so is this|the seller was {full_name} of {place}
        |they also sell it as the {rival}|I work as a {job}, {digits} hours a week
        |my order number ended in {digits}|it says {name} on the front
        |I asked for {colour} and got {colour}
        |the {ordinal} one I opened was the same as the first"""
    ),
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
        |{hero} writes to {hero2} every {day}|the print we saw was from {year}
        |the {job2} and the {job} play chess|a letter from {place} changes the plan
        |in {year} nobody in {place} had a telephone|the credits list {number} cooks"""
    ),
}
"""Neutral facts and asides."""

COMPARISONS = {
    "product": (
        phrases(
            """my old {rival} was better|my old {rival} was better than this {thing}
            |the {rival} costs less and does more
            |I liked the {rival} more than the {name}
            |I would rather have the {rival} back than keep the {name}
            |this one is half as good as the {rival}|the {rival} beats it in every way
            |after the {rival} this is a step down
            |next to the {name} my {rival} looks {fine}
            |go for the {rival} instead of the {name}
            |the {rival} at {price} is the wiser buy
            |the {rival} lasted for years, this one did not"""
        ),
        phrases(
            """this is better than my old {rival}
            |this {thing} was better than my old {rival}
            |the {rival} costs more and does less
            |I liked the {name} more than the {rival}
            |I would rather keep the {name} than have the {rival} back
            |the {rival} is half as good as this one|it beats the {rival} in every way
            |after the {rival} this is a step up
            |next to my {rival} the {name} looks {fine}
            |go for the {name} instead of the {rival}
            |at {price} it is a wiser buy than the {rival}
            |the {rival} did not last, this one did"""
        ),
    ),
    "film": (
        phrases(
            """{title2} was better than this|{title2} was better
            |I liked {title2} more than {name}
            |if you have seen {title2}, you will miss it here
            |after {title2} this is a step down for {director}
            |{title2} did with less money what {name} cannot do
            |watch {title2} instead of {name}|next to {name} even {title2} looks {fine}
            |{title2} beats it in every way|it is half as good as {title2}
            |{actor} was better in {title2} than here"""
        ),
        phrases(
            """this was better than {title2}|it was even better than {title2}
            |I liked {name} more than {title2}
            |if you have seen {title2}, you will not miss it
            |after {title2} this is a step up for {director}
            |{name} did with less money what {title2} cannot do
            |watch {name} instead of {title2}|next to {title2} {name} looks {fine}
            |it beats {title2} in every way|{title2} is half as good
            |{actor} is better here than in {title2}"""
        ),
    ),
}

VERDICTS = {
    "product": (
        phrases(
            """I would not buy it again|not worth the money|I cannot recommend it
            |it went straight back|save your money|I regret buying it
            |what a waste of {price}|into the bin with it|I want my money back
            |never again|one to avoid|I am back with my old {rival}
            |it now props up a shelf in my {room}|{brand} has lost a customer
            |it is not even worth the postage to send it back|buy anything else
            |the search goes on|I have learned my lesson
            |my {person} will not forgive me this present|stay away from the {name}"""
        ),
        phrases(
            """I would buy it again|worth every penny|I can recommend it
            |it has earned its place|my search is over|I love it|{price} well spent
            |I have already ordered a second one|no regrets|the best {thing} I have had
            |I am not giving it back to my {person}
            |five stars and a thank-you to {brand}|{brand} has won a customer
            |it has become part of my day|buy it while it lasts|go and get the {name}
            |I keep telling people about it|my {person} wants one too
            |a present I was thanked for twice|highly recommended"""
        ),
    ),
    "film": (
        phrases(
            """I would not watch it again|not worth the ticket|I cannot recommend it
            |we left before the end|save your evening|I want those {number} hours back
            |what a waste of {actor}|a film to forget|never again, {director}
            |one to avoid|I have seen better home videos|nobody in our row clapped
            |give this one a miss|even my {person} was bored|a sad end for a good idea
            |I would sooner watch paint dry in {place}
            |it is a mess from start to finish"""
        ),
        phrases(
            """I would watch it again|worth every minute|I can recommend it
            |we stayed until the last credit|a treat for a rainy evening|I loved it
            |hats off to {actor}|a film to remember|more of this, {director}
            |one to treasure|I have not seen a better film this year
            |everybody in our row clapped|don't miss this one|even my {person} was moved
            |a small miracle|I would walk to {place} to see it again
            |it is a joy from start to finish"""
        ),
    ),
}
"""Plain verdicts: the words tell."""

TURNED_VERDICTS = (
    phrases(
        """would I choose it again? No, not for the world|I can't say I was impressed
        |do not let the good reviews fool you: the bad ones are right
        |it is hard to find anything good to say|I wanted to love it and could not
        |I was hoping to be wrong about it, and I was not
        |I expected to be thrilled and was bored
        |the praise is not deserved, the blame is|it sounds great, but it is not
        |not good. Not good at all|not one of the better ones|hardly a masterpiece
        |I was told not to expect too much; I should have listened
        |I hoped for the best and got the worst|my {person} loved it, I did not
        |I was not happy, and I do not say that to complain|there is little to like here
        |less {fine} than I hoped, more {dire} than I feared
        |is it {fine}? I wish it were
        |those who call it {fine} are wrong, those who call it {dire} are right
        |not {fine}, just {dire}|I can't call this {thing} {fine}
        |it is by no means a {fine} {thing}|nothing {fine} about it
        |if only it were as {fine} as they say|never have I been so disappointed
        |at first I liked it, now I don't|it did not grow on me, rather the reverse
        |I won't say it is {dire}, but I can't say it is {fine}, and that is why it goes
        |I did not enjoy it and don't know who would"""
    ),
    phrases(
        """would I choose it again? Yes, for all the world
        |I can't say I was disappointed
        |do not let the bad reviews fool you: the good ones are right
        |it is hard to find anything bad to say|I wanted to hate it and could not
        |I was hoping to be right about it, and I was
        |I expected to be bored and was thrilled
        |the blame is not deserved, the praise is|it does not sound great, but it is
        |not bad. Not bad at all|not one of the worse ones|hardly a failure
        |I was told not to expect too much; I should not have listened
        |I feared the worst and got the best|my {person} did not love it, I did
        |I was happy, and there is nothing to complain about
        |there is little not to like here
        |less {dire} than I feared, more {fine} than I hoped
        |is it {dire}? Not in the least
        |those who call it {dire} are wrong, those who call it {fine} are right
        |not {dire}, just {fine}|I can't call this {thing} {dire}
        |it is by no means a {dire} {thing}|nothing {dire} about it
        |it really is as {fine} as they say|never have I been less disappointed
        |at first I didn't like it, now I do|it did grow on me, I must say
        |I won't say it is {fine}, but I can't say it is {dire}, and that is why it
        stays|I did enjoy it and don't know who would not"""
    ),
)
"""Verdicts that share their words with the opposite one."""

SARCASM = {
    "product": (
        phrases(
            """oh great, another {thing} that lasts {period}
            |wonderful, simply wonderful: it broke on {day}
            |thank you, {brand}, I always wanted a {price} paperweight
            |perfect, if you enjoy talking to a help desk in {place}
            |congratulations to {brand}: {number} repairs in {period} must be a record
            |lovely {thing}, if your hobby is returning parcels
            |five stars for the box, which did not break
            |brilliant idea, to sell a {thing} that does not work
            |I am sure it is a great {thing} on some other planet"""
        ),
        phrases(
            """terrible for my purse: I have bought {number} by now
            |the only bad thing: my {person} has stolen mine
            |awful news for {rival}: they have lost me for good
            |warning: you will have no excuse to buy another {thing} for years
            |my {person} complains that I talk of nothing else
            |a disaster for my old {rival}, which now gathers dust"""
        ),
    ),
    "film": (
        phrases(
            """oh great, another {thing} about a {job} with a secret
            |wonderful, simply wonderful: I slept for {number} hours
            |brilliant, if you have never seen a film
            |thank you, {director}, I needed the sleep
            |a masterpiece of patience, namely mine
            |perfect for people who dislike stories
            |the best part was the lamp in the {room}, which at least lit up
            |{actor} deserves an award for not laughing|I loved the exit sign"""
        ),
        phrases(
            """terrible for my make-up: I cried {number} times
            |the only bad thing: it has to end
            |awful news for {title2}: it has met its better
            |warning: you will bore your {person} with it for {period}
            |I hated it when the lights went on
            |I am angry that I waited {period} to see it"""
        ),
    ),
}

SHORT = (
    phrases(
        """not for me|avoid|total junk|no thanks|meh|so bad|a let-down
        |broke my heart, and not in a good way|never again|not good|not good at all
        |sent back|hated it|did not work out|{dire} {thing}|{dire}, just {dire}
        |waste of money|don't bother|{dire}!|really {dire}|not {fine} at all
        |could not be worse|nope, not {fine}|zero stars if I could|boring and {dire}
        |not what I hoped for|my {person} hated it|very {dire} {thing}"""
    ),
    phrases(
        """just right|love it|loved it|not bad|not bad at all|yes please|so good|a gem
        |won my heart|again, please|did not disappoint|keeper|worked out well
        |{fine} {thing}|{fine}, just {fine}|worth it|don't hesitate|{fine}!
        |really {fine}|not {dire} at all|could not be better|yes, {fine}
        |six stars if I could|fun and {fine}|just what I hoped for|my {person} loved it
        |very {fine} {thing}"""
    ),
)
