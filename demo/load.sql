-- Reads "path <tab> image" lines from standard input into the table photos; prints the path of the picture to search by.
SET client_min_messages = warning;
CREATE EXTENSION clip_pg;
CREATE TABLE photos (
    id        integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    path      text NOT NULL,
    image     bytea NOT NULL,
    embedding clip_vector(512) GENERATED ALWAYS AS (clip_embed_image(image, 'clip-mini')) STORED
);
CREATE TEMP TABLE inbox (path text, image bytea);
\copy inbox from pstdin

-- A file that is no picture is reported and left out; the others go on.
DO $$
DECLARE
    file inbox;
    loaded integer := 0;
BEGIN
    FOR file IN SELECT * FROM inbox LOOP
        BEGIN
            INSERT INTO photos (path, image) VALUES (file.path, file.image);
            loaded := loaded + 1;
            IF loaded % 500 = 0 THEN
                RAISE WARNING '% pictures embedded', loaded;
            END IF;
        EXCEPTION WHEN data_exception OR program_limit_exceeded OR feature_not_supported THEN
            RAISE WARNING 'left out %: %', file.path, SQLERRM;
        END;
    END LOOP;
END $$;
SELECT path FROM photos ORDER BY path <> 'motorcycle_left.png', id LIMIT 1;
