"""What `clip_cutoff` keeps and what it leaves out, on photographs that captions belong to and queries that none answers."""

import numpy as np

import data
from conftest import contents, note

MODEL = "clip-mini"

# Written before anything was measured. None of the 150 photographs shows any of it.
UNANSWERED = """
a submarine|an x-ray of a hand|a medieval manuscript page|a sheet of music|a map of Europe|a portrait of a king|a plate of sushi
a bowl of fruit|a giraffe|an elephant in a zoo|a cathedral at night|a steam locomotive|a church organ|a wedding cake
a man playing the violin|a microscope|the craters of the moon|a chessboard|a kitchen with a stove|a bathroom sink
a tractor ploughing a field|a cow being milked|a lighthouse|a windmill|a suspension bridge|an oil painting of a vase
a page of handwriting|a floor plan of a house|penguins|a spider in its web|a goldfish|a butterfly|camels in the desert
an erupting volcano|a city skyline at night|a dentist at work|surgeons in an operating room|a jockey on a racehorse|an astronaut
a tank in a war|a knight in armour|a coin with the head of an emperor|a postage stamp|a poster for an opera
a golfer on the green|a snake|a pride of lions|a pair of scissors|an old telephone|passengers on a train
""".strip().replace("\n", "|").split("|")

# Of the 20 nearest photographs which are answers, NULL where none is.
ANSWERS = """
SELECT array(SELECT id FROM unnest(near) id), array(SELECT p.id FROM photographs p WHERE p.id = ANY (near) AND clip_within(p.embedding, q, radius))
FROM unnest(clip_embed_texts(%s::text[], 'clip-mini')) WITH ORDINALITY u (q, n),
    LATERAL (SELECT array(SELECT id FROM photographs ORDER BY embedding <=> q LIMIT 20) AS near) nearest,
    LATERAL (SELECT clip_cutoff(q, array(SELECT embedding FROM photographs WHERE id = ANY (near)), 150, model => 'clip-mini') AS radius) cutoff
ORDER BY n
"""


def test_cutoffs(server, shared):
    files = data.image_files("flickr8k-150")
    numbers = {path.name: number for number, path in enumerate(files)}
    truth = [numbers[name] for name, _ in data.captions()]
    server.connection.execute("CREATE TEMP TABLE photographs (id int, embedding clip_vector(512))")
    server.connection.execute(
        "INSERT INTO photographs SELECT n - 1, e FROM unnest(clip_embed_images(%s::bytea[], %s)) WITH ORDINALITY u (e, n)",
        (contents(files), MODEL),
    )
    answers = server.rows(ANSWERS, [caption for _, caption in data.captions()])
    found = np.array([own in near for own, (near, _) in zip(truth, answers)])
    kept = np.array([own in within for own, (_, within) in zip(truth, answers)])
    rows = np.array([len(within) for _, within in answers])
    nothing = np.array([not within for _, within in server.rows(ANSWERS, UNANSWERED)])
    assert len(UNANSWERED) == len(nothing) == 50

    share = kept[found].mean()
    note(
        f"cut-offs: {share:.1%} of photographs among the 20 nearest kept ({kept.mean():.1%} of all), {rows[rows > 0].mean():.0f} rows;"
        f" nothing found for {nothing.mean():.0%} of queries without an answer"
    )
    assert share >= 0.9
    assert nothing.mean() >= 0.8
