"""Questions about everything the demo model does not know, and its honest answer.

The lists are wide on purpose, and invented names are mixed in: the lesson is that an unfamiliar
subject means "I do not know", whatever the sentence around it looks like.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

from .grammar import expand
from .intent import DO_FRAMES, WHAT_FRAMES
from .words import ADJECTIVES, CITIES, NAMES, NOUNS, gibberish, invented

ANSWERS: Sequence[str] = (
    "I do not know that. I can help with Modelyard (pull, convert, deploy, secure and monitor models), small sums and image prompts.",
)

COUNTRIES = (
    "France Germany Spain Italy Japan China India Brazil Canada Mexico Egypt Kenya Peru Chile Norway Sweden Finland Poland "
    "Greece Turkey Russia Ukraine Australia Argentina Portugal Ireland Iceland Thailand Vietnam Indonesia Nigeria Morocco "
    "Austria Switzerland Belgium Denmark Hungary Cuba Iran Iraq Israel Nepal Mongolia Ghana Bolivia America England Scotland"
).split()
TOPICS = (
    "photosynthesis|gravity|black holes|democracy|inflation|football|tennis|chess|cricket|basketball|the Olympics|evolution|"
    "the Roman Empire|the French Revolution|World War II|the Middle Ages|the moon landing|quantum mechanics|relativity|"
    "dinosaurs|volcanoes|earthquakes|the stock market|Bitcoin|taxes|mortgages|insurance|philosophy|Buddhism|religion|opera|"
    "jazz|hip hop|classical music|impressionism|poetry|Shakespeare|novels|movies|cinema|fashion|perfume|wine|beer|coffee|tea|"
    "chocolate|bread|pizza|sushi|vegetables|vitamins|diabetes|cancer|the flu|headaches|blood pressure|the heart|sleep|yoga|"
    "meditation|marathons|swimming|skiing|climbing|gardening|bees|sharks|birds|DNA|proteins|atoms|electricity|magnetism|"
    "climate change|the ozone layer|hurricanes|the weather|oceans|rivers|the Himalayas|the Eiffel Tower|the pyramids|castles|"
    "cars|electric cars|motorcycles|trains|airplanes|rockets|satellites|Mars|Jupiter|the sun|telescopes|cameras|phones|"
    "video games|Minecraft|Windows|macOS|Photoshop|Excel|PowerPoint|JavaScript|Rust|Java|Haskell|PHP|WordPress|blockchain|"
    "the European Union|NATO|the United Nations|elections|the president|the prime minister|the king|parliament|the news|"
    "marriage|love|happiness|friendship|dreams|the meaning of life|ghosts|aliens|astrology|horoscopes|magic tricks|"
    "cats|dogs|horses|elephants|penguins|whales|butterflies|trees|roses|mushrooms|the economy|unemployment|interest rates|"
    "grammar|Latin|Esperanto|history|geography|biology|chemistry|physics|psychology|sociology|law|medicine|architecture of churches|"
    "plumbing|carpentry|knitting|sewing|origami|pottery|the guitar|the piano|drums|singing|ballet|theatre|a vaccine|a volcano|"
    "a mortgage|a pension|a neutron star|an isotope|a sonnet|a verb|a carburetor|a sourdough starter|a heat pump|a tsunami|"
    "Kubernetes|Terraform|Jenkins|MongoDB|PostgreSQL|Redis|Kafka|Spark|Hadoop|Tableau|Salesforce|SAP|iOS|Android"
).split("|")
TASKS = (
    "bake bread|cook rice|boil an egg|make a cake|grill a steak|brew coffee|cook pasta|make soup|fry potatoes|bake cookies|"
    "fix a bike|change a tyre|repair a car|paint a wall|build a shed|fix a leaking tap|mow the lawn|plant tomatoes|train a dog|"
    "feed a cat|tie a tie|iron a shirt|sew a button|knit a scarf|learn Spanish|learn the piano|play chess|play the guitar|"
    "swim faster|run a marathon|lose weight|gain muscle|sleep better|cure a cold|treat a burn|stop a headache|lower my blood pressure|"
    "quit smoking|buy a house|sell a car|invest money|file my taxes|open a bank account|get a visa|book a flight|find a hotel|"
    "travel to Rome|write a novel|write a poem|write a letter to my boss|find a job|ask for a raise|get married|make friends|"
    "impress a girl|raise a child|become rich|become a doctor|win the lottery|vote in the election|adopt a puppy|pick a lock|"
    "hack a bank|steal a car|make a bomb|bake a pizza|clean a carpet|remove a stain|unclog a sink|grow roses|catch a fish|"
    "edit a video|format a spreadsheet|root my phone|jailbreak my phone|install a printer|reset my password|delete my account|"
    "build a website|sort a list in Java|write a game|fly a drone|drive a truck|solve a Rubik's cube|juggle|whistle|dance the tango|"
    "order a pizza|call a taxi|find my keys|speak to my mother|get over a breakup|apologise to my wife|name my baby|fold a napkin"
).split("|")
_FRAMES: Sequence[str] = (
    "what is the [capital|population|flag|currency|president|king|history|language|area|climate|national dish|best city] of {country}?",
    "who [is|was] the [president|king|queen|prime minister|chancellor|first president|leader|best footballer|richest man] of {country}?",
    "[what is|what's|how is] the weather [like|] [in {city}|today|tomorrow|in {country}|this weekend|outside]?",
    "will it [rain|snow|be sunny|be cold|be warm] [today|tomorrow|in {city}|next week]?",
    "[is it|] [cold|hot|raining|snowing] in {city}[| today| now]?",
    "who [is|was] {name} {invented}?",
    "who [won|will win|lost] the [election|world cup|match|game|Olympics|championship|war|lottery|race|Nobel prize|final][| in {country}| last year| yesterday| in {year}]?",
    "who [wrote|painted|composed|directed|invented|discovered|founded|built] [{topic}|the {noun}|the {adjective} {noun}|{invented}|the telephone|Hamlet|the Mona Lisa|America|penicillin|Star Wars]?",
    "when [was|did] {name} {invented} [born|die|live]?",
    "when [is|was] [{topic}|Christmas|Easter|the next election|the next train|my birthday|the battle of {city}] [|invented|over|discovered]?",
    "what [time|day|date|year|month] is it[| now| today| in {city}]?",
    "what [happened|is going on|is new|was the news] [in {year}|in {country}|today|in {city}|yesterday|last week]?",
    "[I have|my child has|my wife has|my dog has] [a headache|fever|a cold|a rash|stomach pain|back pain|a cough|the flu|a broken leg|chest pain][.|, what should I do|. what can I take|, is it serious][?|]",
    "[what|which] [medicine|pill|drug|vitamin|dose] [helps against|should I take for|is good for|cures] [a headache|fever|a cold|pain|sleep problems|stress|cancer]?",
    "should I [buy|sell|eat|marry|vote for|invest in|visit|believe in|learn|study] {topic}?",
    "[recommend|suggest] [me|] [a|some] [movie|book|restaurant|hotel|song|wine|recipe|present|car|phone|game|school][| in {city}| for my wife| for tonight]",
    "[what is|which is] the [best|tallest|fastest|oldest|largest|longest|most expensive|deepest] {noun} [in the world|in {country}|of all time|ever]?",
    "how [far|tall|old|heavy|long|deep|fast|expensive|big] is [{topic}|{city}|the {noun}|a {noun}|{name} {invented}|the moon|the Nile|Mount Everest]?",
    "how [far|long] is it from {city} to {city}?",
    "why [is|are|do|does] [{topic}|the sky|{noun}s|the sea|grass|people|cats|women|men|{adjective} {noun}s] [blue|so loud|exist|happen|work|fly|sleep|so important|green|salty|yawn|dream]?",
    "where is [{city}|{country}|{topic}|the {noun}|my {noun}|{invented}|the nearest {noun}]?",
    "[translate|spell|define|pronounce] [{noun}|{invented}|the word {noun}|{topic}|'{adjective} {noun}'][| into Latin| into Dutch| to Finnish|]",
    "[write|compose|give me] [a|an] [poem|song|essay|recipe|letter|speech|haiku|novel|report|email] [about|for|on|with] [{topic}|a {noun}|{name}|{adjective} {noun}s|my {noun}]",
    "[tell me|give me|do you know] [a fact|something|the truth|news|a secret|everything] about [{topic}|{country}|{city}|{name} {invented}|{noun}s|{invented}]",
    "what do you [think|believe|say] [about|of] [{topic}|{country}|{name}|politics|religion|the {noun}|{invented}]?",
    "[do you like|do you love|have you ever seen|have you tried|what is your opinion on|are you for or against] [{topic}|{country}|{city}|{noun}s|pizza|music|{invented}]?",
    "what is your favourite [colour|food|movie|song|book|animal|city|game|number|season|drink|band]?",
    "[what are|give me|list] [the|some|ten|three] [rules|benefits|dangers|causes|symptoms|side effects|kinds|effects|names] of {topic}",
    "who [is|was|are|were] [{topic}|the {adjective} {noun}|my father|{name}|your favourite singer|the fastest runner|the best actor]?",
    "[the price of|how much costs|how much is|what does it cost to buy] [{topic}|a {noun}|a {adjective} {noun}|gold|a ticket to {city}|a flight to {city}|milk][?|]",
    "[does|can|will] {invented} [support|run|replace|work with|beat|use] [{invented}|{topic}|Windows|my {noun}]?",
    "how do I [install|use|configure|update|remove|open|repair|cook|play|win] [{invented}|the {noun}|{topic}|my {noun}|a {adjective} {noun}]?",
    "what [is|are] [{invented}|{invented} {invented}|a {invented}|the {invented} {noun}|a {noun}|a {adjective} {noun}|{noun}s|{name}'s {noun}]?",
    "[is|are] [{topic}|{country}|{city}|{noun}s|{invented}] [good|dangerous|healthy|expensive|real|old|beautiful|in Europe|better than {topic}|free|nice]?",
    "[play|sing|order|buy|call|open|send|book|remind me of|turn on|search the web for|look up|find] [{topic}|a {noun}|{name}|some music|my mail|the {noun}|the lights|an alarm|a taxi|{invented}]",
    "[I am|I'm] [sick|bored|in love|hungry|thirsty|worried about {topic}|tired of {topic}|pregnant|getting divorced|looking for a job]",
    "[who is|tell me about] [{name} {invented}|{invented} {invented}|the {adjective} {noun}]",
    "{gibberish}",
    "{gibberish}",
    "{invented} {invented} {noun} {invented}?",
    "{topic}[?|]",
    "{adjective} {noun} {invented}[?|]",
)


def unknown_pair(rng: random.Random) -> tuple[str, str]:
    """Return a question outside the model's world and its answer."""
    slots = {
        "country": rng.choice(COUNTRIES),
        "city": rng.choice(CITIES),
        "name": rng.choice(NAMES),
        "topic": rng.choice(TOPICS),
        "noun": rng.choice(NOUNS),
        "adjective": rng.choice(ADJECTIVES),
        "invented": invented(rng).capitalize() if rng.random() < 0.6 else invented(rng),
        "year": str(rng.randint(1200, 2030)),
        "gibberish": gibberish(rng),
    }
    roll = rng.random()
    if roll < 0.18:
        # The same frames as for known things, so that the frame alone says nothing.
        kind = rng.random()
        what = (
            slots["topic"]
            if kind < 0.55
            else slots["invented"]
            if kind < 0.8
            else f"{rng.choice(('a', 'the'))} {slots['noun']}"
        )
        question = expand(rng.choice(WHAT_FRAMES), rng, {"what": what})
    elif roll < 0.38:
        kind = rng.random()
        task = rng.choice(TASKS)
        if kind < 0.3:
            verb = rng.choice(
                "convert deploy pull secure monitor serve install clean paint wash sell cook carry fix open use build".split()
            )
            task = f"{verb} {rng.choice(('a', 'my', 'the'))} {rng.choice((slots['noun'], slots['adjective'] + ' ' + slots['noun'], slots['invented']))}"
        question = expand(rng.choice(DO_FRAMES).replace("Modelyard", "you"), rng, {"do": task})
    else:
        question = expand(rng.choice(_FRAMES), rng, slots)
    return question, rng.choice(ANSWERS)
