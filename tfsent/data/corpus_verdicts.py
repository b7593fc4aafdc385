"""Verdicts of the built-in reviews: plain, turned round, by comparison, in jest.

They stand in pairs, blame first, praise second, so that `PAIR[label]` suits a
label; many pairs share their words and differ in order or negation alone. Slots
are filled as in `tfsent.data.corpus_sentences`; {fine} and {dire} are a word of
praise and one of blame.
"""

from __future__ import annotations

from tfsent.data.corpus_words import phrases

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
        """not for me|avoid it|total junk|no thanks|meh, no|so bad|a let-down
        |broke my heart, and not in a good way|never again|not good|not good at all
        |sent back|hated it|did not work out|{dire} {thing}|{dire}, just {dire}
        |waste of money|don't bother|{dire}, sorry!|really {dire}|not {fine} at all
        |could not be worse|nope, not {fine}|zero stars if I could|boring and {dire}
        |not what I hoped for|my {person} hated it|very {dire} {thing}"""
    ),
    phrases(
        """just right|love it|loved it|not bad|not bad at all|yes please|so good|a gem
        |won my heart|again, please|did not disappoint|a keeper|worked out well
        |{fine} {thing}|{fine}, just {fine}|worth it|don't hesitate|{fine}, thanks!
        |really {fine}|not {dire} at all|could not be better|yes, {fine}
        |six stars if I could|fun and {fine}|just what I hoped for|my {person} loved it
        |very {fine} {thing}"""
    ),
)
