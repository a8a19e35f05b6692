"""The recipes of docs/cookbook.md that label and evaluate, on the heritage pictures of the seed slides."""

import pytest

import data
from conftest import contents, note


@pytest.fixture(scope="module")
def richelieu(server, shared):
    """Pictures of the Richelieu quarter with their true labels, and the BnF's prompts, in tables of the session."""
    files = data.image_files("richelieu")
    vectors = server.embed_images(contents(files), "clip-mini")
    rows = [(n, file.parent.name, str(vector.tolist())) for n, (file, vector) in enumerate(zip(files, vectors), 1)]
    server.connection.execute("CREATE TEMP TABLE richelieu (id integer, kind text, embedding clip_vector(512))")
    with server.connection.cursor() as cursor:
        cursor.executemany("INSERT INTO richelieu VALUES (%s, %s, %s)", rows)
    return [list(column) for column in zip(*data.rows("richelieu/classes.csv")[1:])]


def test_published_predictions(server, shared):
    truth, predicted = map(list, zip(*(row[1:3] for row in data.rows("richelieu/openai_vitb32_predictions.csv")[1:])))
    confusion = "SELECT clip_confusion(t, p) AS confusion FROM unnest(%s::text[], %s::text[]) u (t, p)"
    micro = f"SELECT round(100 * micro::numeric, 2)::text FROM ({confusion}) c, clip_accuracy(confusion)"
    recalls = f"SELECT label, round(100 * recall::numeric, 2)::text FROM ({confusion}) c, clip_report(confusion)"
    assert server.rows(micro, truth, predicted) == [("82.43",)]
    assert dict(server.rows(recalls, truth, predicted)) == {
        "Blanc": "90.00",
        "Estampe": "86.87",
        "Partition": "100.00",
        "Photo": "98.33",
        "Plan": "98.33",
        "Pub": "70.00",
        "Recueil": "66.00",
        "Texte": "52.94",
    }


def test_labels(server, richelieu):
    """Prompts that clip-mini hardly understands, and learning from one half of the pictures, judged by the other."""
    learned = "FROM richelieu WHERE hashint4(id) & 1 = 0"
    classifiers = {
        "prompts": ("SELECT clip_classifier(%s::text[], %s::text[], 'clip-mini')", *richelieu),
        "centroids": (f"SELECT clip_centroids(kind, embedding, 'clip-mini') {learned}",),
        "lines": (f"SELECT clip_train(kind, embedding, 0.03, false, 'clip-mini') {learned}",),
    }
    accuracies = {}
    for name, (classifier, *arguments) in classifiers.items():
        [(support, accuracies[name])] = server.rows(
            f"""WITH k (classifier) AS ({classifier})
                SELECT support, micro FROM (
                    SELECT clip_confusion(kind, clip_label(embedding, (SELECT classifier FROM k))) AS confusion
                    FROM richelieu WHERE hashint4(id) & 1 = 1) c, clip_accuracy(confusion)""",
            *arguments,
        )
        assert support == 199
    figures = ", ".join(f"{name} {accuracy:.3f}" for name, accuracy in accuracies.items())
    note(f"Richelieu, accuracy on the half not learned from: {figures}")
    # Chance has 1 of 8.
    assert accuracies["prompts"] > 0.15
    assert accuracies["centroids"] > 0.80
    assert accuracies["lines"] > 0.86
