"""A catalogue of pictures. It has no model: the database that holds them embeds, compares and classifies them."""

import logging
import os
import secrets
from uuid import UUID

import psycopg
from flask import Flask, Response, abort, redirect, render_template, request, session, url_for
from psycopg.rows import namedtuple_row
from psycopg_pool import ConnectionPool
from waitress import serve
from werkzeug.exceptions import HTTPException

PAGE = 24
FACETS = {"label": "Label", "source": "Decided by", "folder": "Folder", "shape": "Shape"}
FILTERS = FACETS | {"truth": "Truth", "guess": "Model"}
ASKED = ["q", "not", "class", "like", "upload", "order", "all", *FILTERS]
# Similarities that are worth no dot and five by clip-mini: pictures are more like pictures than they are like words.
DOTS = {"words": (0.1, 0.4), "picture": (0.3, 0.95)}
REFUSALS = (psycopg.DataError, psycopg.IntegrityError, psycopg.NotSupportedError, psycopg.errors.ProgramLimitExceeded)
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; img-src 'self'; style-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}

# Whatever comes in is a parameter; what statements are put together of stands here.
SUBJECT = """
SELECT id::text, title, label, source, embedding FROM catalogue WHERE id = %(like)s
UNION ALL SELECT id::text, 'Your picture', NULL, NULL, embedding FROM uploads WHERE id = %(upload)s
"""
GUESSES = """
SELECT label, probability FROM (SELECT classifier FROM classifiers ORDER BY version DESC LIMIT 1) latest,
    clip_classify(%(embedding)s, classifier) ORDER BY probability DESC
"""
QUERY = """
SELECT clip_query(texts => %(plus)s, minus_texts => %(minus)s, vectors => %(vectors)s::clip_vector[],
                  weights => %(weights)s)::text
"""
# A margin of 1 is what the nearest of so many pictures have by chance.
CUTOFF = """
SELECT coalesce(clip_cutoff(%(vector)s, nearest, reltuples, margin => 1), -1) FROM pg_class,
    (SELECT ARRAY(SELECT embedding FROM pictures ORDER BY embedding <=> %(vector)s LIMIT 20)) found (nearest)
WHERE oid = 'pictures'::regclass
"""
CHOSEN = " AND ".join(f"(%({name})s::text IS NULL OR {name} = %({name})s)" for name in FILTERS) + """
    AND (%(class)s::text IS NULL OR %(class)s IN (label, second)) AND id IS DISTINCT FROM %(like)s"""
WITHIN = "clip_within(embedding, %(vector)s, %(radius)s)"
ORDERS = {
    "near": "embedding <=> %(vector)s",
    "doubt": "CASE source WHEN 'model' THEN probability - second_probability ELSE 2 END",
    "class": """CASE WHEN source = 'person' THEN 0 WHEN second = %(class)s THEN 1 - second_probability
        ELSE 1 - probability END""",
    "shuffled": "(hashint8extended(id, 1) & 2147483647) / 2147483648.0::float8",
}
PAGES = {order: f"""
SELECT *, clip_dots(1 - key, %(low)s, %(high)s) AS dots FROM (
    SELECT *, {key} AS key FROM catalogue
    WHERE {WITHIN if order == "near" else "true"} AND ({key}, id) > (%(key)s, %(id)s) AND {CHOSEN}
    ORDER BY {key} FETCH FIRST %(rows)s ROWS WITH TIES) page
ORDER BY key, id LIMIT %(rows)s
""" for order, key in ORDERS.items()}
COUNTS = f"""
SELECT facet, value, count(*) AS pictures
FROM catalogue, LATERAL (VALUES {", ".join(f"('{name}', {name})" for name in FACETS)}) facets (facet, value)
WHERE (%(vector)s::clip_vector IS NULL OR {WITHIN}) AND {CHOSEN}
GROUP BY facet, value ORDER BY pictures DESC, value
"""
UPLOAD = """
WITH cleared AS (DELETE FROM uploads WHERE made < now() - interval '1 day')
INSERT INTO uploads (thumbnail, embedding)
SELECT clip_thumbnail(image, 400), clip_embed_image(image, 'clip-mini') FROM (SELECT %(image)s::bytea) sent (image)
RETURNING id
"""
IMAGES = {
    "small": "SELECT thumbnail FROM pictures WHERE id = %(id)s",
    "like": "SELECT clip_thumbnail(image, 1600) FROM pictures WHERE id = %(id)s",
    "upload": "SELECT thumbnail FROM uploads WHERE id = %(id)s",
}
CONFUSION = "(SELECT clip_confusion(truth, guess) FROM catalogue)"
REPORT = f"SELECT * FROM clip_report({CONFUSION}) LEFT JOIN classes USING (label)"

app = Flask(__name__)
app.secret_key = os.environ.get("SECRET_KEY") or secrets.token_hex()
app.config |= {"MAX_CONTENT_LENGTH": 16 << 20, "SEND_FILE_MAX_AGE_DEFAULT": 3600, "SESSION_COOKIE_SAMESITE": "Strict"}
options = {"row_factory": namedtuple_row, "options": "-c statement_timeout=5s"}
pool = ConnectionPool(kwargs=options, min_size=8, timeout=10, open=False)


@app.before_request
def same_site():
    """Forms are taken from our own pages only: these hold the token of the reader's cookie."""
    token, sent = session.get("token") or secrets.token_urlsafe(), request.form.get("token", "")
    if request.method == "POST" and not secrets.compare_digest(token.encode(), sent.encode()):
        abort(403, "The form does not come from a page of this catalogue, or from too old a one. Please try again.")


@app.after_request
def protect(response):
    response.headers.update(HEADERS)
    return response


@app.errorhandler(Exception)
def failed(error):
    """What is wrong with the input, the database says in a sentence. Of all else, readers learn only that it failed."""
    if isinstance(error, HTTPException):
        status, title, text = error.code, error.name, error.description
    elif isinstance(error, REFUSALS):
        sentences = filter(None, [error.diag.message_primary or str(error), error.diag.message_hint])
        status, title, text = 422, "That does not work", ". ".join(each[:1].upper() + each[1:] for each in sentences)
    else:
        app.logger.exception("%s failed", request.path)
        status, title, text = 503, "Not now", "The catalogue could not answer. Please try again later."
    return render_template("base.html", title=title, text=text), status


@app.template_global()
def here(**changes):
    """The address of this search, with changes."""
    return url_for("search", **{name: request.args[name] for name in ASKED if request.args.get(name)} | changes)


@app.get("/")
def search():
    session.setdefault("token", secrets.token_urlsafe())
    args = request.args
    given = {name: args.get(name) or None for name in ["class", *FILTERS]}
    given |= {"like": args.get("like", type=int), "upload": args.get("upload", type=UUID)}
    for side, name in [("plus", "q"), ("minus", "not")]:
        given[side] = [term.strip() for term in args.get(name, "").split("+") if term.strip()]
    given |= {"key": args.get("key", -1, type=float), "id": args.get("id", 0, type=int)}
    given |= {"vector": None, "radius": 2, "rows": PAGE + 1}
    with pool.connection() as connection:
        subject = connection.execute(SUBJECT, given).fetchone()
        guesses = connection.execute(GUESSES, subject._asdict()).fetchall() if subject else []
        given["low"], given["high"] = DOTS["picture" if subject else "words"]
        given["vectors"] = [subject.embedding] if subject else []
        # Of what is not wanted, a bit must stay: it is often much like what is.
        given["weights"] = [2.0] * len(given["plus"]) + [1.0] * len(given["minus"]) + [1.0] * len(given["vectors"])
        if given["weights"]:
            given["vector"] = connection.execute(QUERY, given).fetchone()[0]
        # What is not much more like the words than anything is left out. A picture is always like some others.
        if given["plus"] and not subject and not args.get("all"):
            given["radius"] = connection.execute(CUTOFF, given).fetchone()[0]
        other = "doubt" if args.get("order") else "class" if given["class"] else "shuffled"
        given["order"] = "near" if given["vector"] else other
        pictures = connection.execute(PAGES[given["order"]], given).fetchall()
        counts = connection.execute(COUNTS, given).fetchall()
        classes = connection.execute("SELECT label FROM classes ORDER BY label").fetchall()
    given["more"] = pictures[PAGE - 1] if len(pictures) > PAGE else None
    return render_template("search.html", given=given, subject=subject, guesses=guesses, pictures=pictures[:PAGE],
                           counts=counts, classes=classes, facets=FACETS, filters=FILTERS)


@app.post("/")
def send():
    """The form, which may bring a picture: that is embedded and kept for a day, so that its results have an address."""
    asked = {name: request.form[name] for name in ASKED if request.form.get(name)}
    if file := request.files.get("picture"):
        with pool.connection() as connection:
            asked["upload"] = connection.execute(UPLOAD, {"image": file.read()}).fetchone().id
        asked.pop("like", None)
    return redirect(url_for("search", **asked), 303)


@app.post("/label/<int:id>")
def label(id):
    """A person's word, which from now on stands above the model's. An empty label is none of these."""
    with pool.connection() as connection:
        connection.execute("INSERT INTO labels (picture, label) VALUES (%s, %s)", [id, request.form["label"] or None])
    return redirect(url_for("search", like=id), 303)


@app.get("/image/<any(small, like, upload):size>/<id>")
def image(size, id):
    """A JPEG that the database has made, whatever was loaded or sent."""
    with pool.connection() as connection:
        found = connection.execute(IMAGES[size], {"id": id}, binary=True).fetchone() or abort(404)
    return Response(found[0], mimetype="image/jpeg", headers={"Cache-Control": "private, max-age=3600"})


@app.get("/evaluation")
def evaluation():
    with pool.connection() as connection:
        confusion = connection.execute(f"SELECT {CONFUSION}").fetchone()[0]
        accuracy = connection.execute(f"SELECT * FROM clip_accuracy({CONFUSION})").fetchone()
        report = connection.execute(REPORT).fetchall()
    return render_template("evaluation.html", confusion=confusion, accuracy=accuracy, report=report)


if __name__ == "__main__":
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)    # a browser asks for many pictures at once
    with pool:
        serve(app, listen=os.environ.get("LISTEN", "127.0.0.1:8000"), threads=8)
