"""Forty described people as targets of a prompt search, written before any search was run on them.

Some hold words of the packaged dictionary, some say what no phrase of it says, some need a place or
a time that a name may carry better than a phrase. Nothing was changed after the first run.
"""

from __future__ import annotations

TARGETS = (
    "an elderly Korean fisherman",
    "a young Irish nurse with red hair",
    "a retired French schoolteacher feeding pigeons",
    "a Nigerian businesswoman giving a speech",
    "a shy Japanese schoolboy with glasses",
    "a Mexican grandmother making tortillas",
    "a Norwegian sailor with a thick blond beard",
    "a teenage skateboarder from California",
    "an Indian bride in a red sari",
    "a tired Polish coal miner",
    "an Italian opera singer in a velvet gown",
    "a Bedouin shepherd in the desert",
    "a smiling toddler with curly hair",
    "a stern German judge",
    "a Brazilian footballer celebrating a goal",
    "an old Greek man playing backgammon",
    "a Chinese scholar of the Tang dynasty",
    "a Victorian lady with a parasol",
    "a bald bouncer outside a nightclub",
    "a Russian ballerina backstage",
    "a Somali long-distance runner",
    "a Scottish farmer in the rain",
    "a freckled girl selling lemonade",
    "an Argentinian tango dancer",
    "a Turkish barber with a moustache",
    "a Vietnamese street food vendor",
    "a middle-aged librarian in a cardigan",
    "a Hawaiian surfer at sunset",
    "an Egyptian archaeologist with a sunburnt face",
    "a pregnant woman in a hospital gown",
    "a punk guitarist with a green mohawk",
    "a Jamaican reggae singer with dreadlocks",
    "an Inuit hunter on the ice",
    "a Spanish nun in a cloister",
    "a wrinkled Tibetan monk laughing",
    "a plump baker covered in flour",
    "an American astronaut before the launch",
    "a Swedish crown princess",
    "a Persian poet in a rose garden",
    "a homeless veteran with a grey beard",
)
