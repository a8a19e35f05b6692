-- The catalogue's tables, made by their owner. The application is the role catalogue, with the rights at the end.
CREATE EXTENSION clip_pg;
CREATE TABLE pictures (
    id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    path      text NOT NULL,
    image     bytea NOT NULL,
    shape     text GENERATED ALWAYS AS (CASE WHEN ((clip_image_info(image)).width > (clip_image_info(image)).height)
        <> ((clip_image_info(image)).orientation > 4) THEN 'landscape' ELSE 'portrait' END) STORED,
    thumbnail bytea NOT NULL GENERATED ALWAYS AS (clip_thumbnail(image, 400)) STORED,
    embedding clip_vector(512) NOT NULL GENERATED ALWAYS AS (clip_embed_image(image, 'clip-mini')) STORED
);
CREATE INDEX ON pictures USING clip_hnsw (embedding);
-- What is told apart, by which words, and the classifiers that were made of them, the last of which is used.
CREATE TABLE prompts (label text NOT NULL, prompt text NOT NULL);
CREATE TABLE classes (label text PRIMARY KEY, prompt text NOT NULL);
CREATE TABLE classifiers (version integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, classifier clip_classifier);
-- The model's two best labels of each picture, and all that people have said since, the last of which counts.
CREATE TABLE labels (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    picture     bigint NOT NULL REFERENCES pictures,
    label       text REFERENCES classes,    -- NULL: none of these
    source      text NOT NULL DEFAULT 'person' CHECK (source IN ('model', 'person')),
    rank        integer,
    probability double precision,
    version     integer REFERENCES classifiers,
    made        timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX ON labels (picture, source, rank);

-- What counts. As on the BnF's page, a picture is shown for its first class and for a second one nearly as likely.
CREATE VIEW catalogue AS
SELECT p.id, regexp_replace(p.path, '^.*/|\.[^.]*$', '', 'g') AS title, p.embedding,
       CASE WHEN person.source IS NULL THEN first.label ELSE coalesce(person.label, 'none of these') END AS label,
       coalesce(person.source, 'model') AS source, first.label AS guess, first.probability,
       CASE WHEN person.source IS NULL AND second.probability > 0.8 * first.probability THEN second.label END AS second,
       second.probability AS second_probability, shape, folder,
       CASE WHEN person.source IS NULL THEN classes.label ELSE person.label END AS truth
FROM pictures p CROSS JOIN LATERAL substring(path FROM '/pictures/(?:.*/)?([^/]+)/[^/]+$') folder
LEFT JOIN classes ON classes.label = folder
LEFT JOIN labels first ON (first.picture, first.source, first.rank) = (p.id, 'model', 1)
LEFT JOIN labels second ON (second.picture, second.source, second.rank) = (p.id, 'model', 2)
LEFT JOIN LATERAL (
    SELECT * FROM labels l WHERE l.picture = p.id AND l.source = 'person' ORDER BY l.id DESC LIMIT 1) person ON true;

-- Pictures that people search by, for a day.
CREATE TABLE uploads (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), made timestamptz NOT NULL DEFAULT now(),
                      thumbnail bytea NOT NULL, embedding clip_vector(512) NOT NULL);

CREATE ROLE catalogue LOGIN;
REVOKE CREATE ON SCHEMA public FROM PUBLIC;              -- as it is by default since PostgreSQL 15
GRANT SELECT ON pictures, classes, classifiers, catalogue TO catalogue;
GRANT INSERT (picture, label) ON labels TO catalogue;    -- as a person, and nothing is changed or deleted
GRANT SELECT, DELETE, INSERT (thumbnail, embedding) ON uploads TO catalogue;
