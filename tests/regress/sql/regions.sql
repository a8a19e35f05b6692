-- Regions of images, as the IIIF Image API has them, and illustrations as rows of page scans.
\pset null '-'
\i outcome.sql

-- A page of four quarters, red and green above blue and white, 40 x 20 pixels; the same stored on its side, with an orientation that
-- turns it upright; and the red and the green quarter by themselves.
CREATE TEMP TABLE files (name text PRIMARY KEY, file bytea);
INSERT INTO files VALUES
    ('page', decode('iVBORw0KGgoAAAANSUhEUgAAACgAAAAUCAIAAABwJOjsAAAAM0lEQVR42mM8wUA+sFhAvl4mhgECoxaPWjxq8dC3mJGBgfyy68MHjdGgHrV41OJRi+kPALauBJc+85CnAAAAAElFTkSuQmCC', 'base64')),
    ('turned', decode('iVBORw0KGgoAAAANSUhEUgAAABQAAAAoCAIAAABxU02MAAAAGmVYSWZNTQAqAAAACAABARIAAwAAAAEABgAAAAAAANZnS2kAAAA1SURBVHjaY2RYwIAHfAj4gEeWiYECMKp5VPOo5lHNlGtmPIFX2oLhxGiAjWoe1TyqefBqBgBnKATndoBB1AAAAABJRU5ErkJggg==', 'base64')),
    ('red', decode('iVBORw0KGgoAAAANSUhEUgAAABQAAAAKCAIAAAA7N+mxAAAAFUlEQVR42mM8wUA+YGIY1TyqmQAAAPYNANyYqHZtAAAAAElFTkSuQmCC', 'base64')),
    ('green', decode('iVBORw0KGgoAAAANSUhEUgAAABQAAAAKCAIAAAA7N+mxAAAAF0lEQVR42mNkWMBANmBiYBjVPKoZPwAAlkUAtOW/PvsAAAAASUVORK5CYII=', 'base64'));
SELECT name, width, height, orientation FROM files, clip_image_info(file) ORDER BY name COLLATE "C";

-- A region is embedded as if it had been cut out before, whichever way the page is stored.
SELECT p.name, q.name AS quarter, region, clip_embed_image(p.file, 'clip-mini', region) = clip_embed_image(q.file, 'clip-mini') AS same
FROM files p, (VALUES ('red', '0,0,20,10'), ('green', '20,0,20,10'), ('red', 'pct:0,0,50,50'), ('green', 'pct:50,0,50,50'), ('green', '20,0,999,10'),
                      ('red', '20,0,20,10')) r (quarter, region),
     files q
WHERE p.name IN ('page', 'turned') AND q.name = quarter ORDER BY p.name COLLATE "C", region COLLATE "C", quarter COLLATE "C";
-- All of it is what it is without a region, and the memory of a session tells regions apart.
SELECT name, clip_embed_image(file, 'clip-mini', 'full') = clip_embed_image(file) AS page,
       clip_embed_image(file, 'clip-mini', region => '0,0,40,20') = clip_embed_image(file, 'clip-mini') AS all_pixels,
       clip_embed_image(file, 'clip-mini', 'square') = clip_embed_image(file, 'clip-mini', '10,0,20,20') AS square,
       clip_embed_image(file, 'clip-mini', '0,0,20,10') = clip_embed_image(file, 'clip-mini', '20,0,20,10') AS other
FROM files WHERE name IN ('page', 'turned') ORDER BY name COLLATE "C";

-- Thumbnails.
SELECT region, width, height, orientation
FROM files, unnest('{full,square,"10,5,20,15","pct:25,25,50,25","39,19,5,5"}'::text[]) WITH ORDINALITY r (region, n),
     clip_image_info(clip_thumbnail(file, 100, region))
WHERE name = 'turned' ORDER BY n;
SELECT clip_thumbnail(file, 8) = clip_thumbnail(file, 8, 'full') AS same FROM files WHERE name = 'page';

-- NULL gives NULL.
SELECT clip_embed_image(file, 'clip-mini', NULL), clip_thumbnail(file, 8, NULL) FROM files WHERE name = 'page';

-- What is no region, and what is none of this image.
SELECT pg_temp.outcome(format($$SELECT clip_embed_image(file, 'clip-mini', %L) FROM files WHERE name = 'turned'$$, region))
FROM unnest('{"","Full","10,20,30","10, 20, 30, 40","-1,0,5,5","1.5,0,5,5","0,0,0,5","pct:0,0,0,5","pct:0,0,x,5","40,0,5,5","0,20,5,5","pct:100,0,5,5"}'::text[]) WITH ORDINALITY r (region, n)
ORDER BY n;
SELECT pg_temp.outcome($$SELECT clip_thumbnail(file, 8, 'everything') FROM files WHERE name = 'page'$$);
SELECT pg_temp.outcome($$SELECT clip_thumbnail(file, 8, '40,0,5,5') FROM files WHERE name = 'page'$$);

-- Of a JPEG nothing below a region is read, nor is it missed when the same file is met again; what the region needs is.
CREATE TEMP TABLE scan AS SELECT decode('/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDABQODxIPDRQSEBIXFRQYHjIhHhwcHj0sLiQySUBMS0dARkVQWnNiUFVtVkVGZIhlbXd7gYKBTmCNl4x9lnN+gXz/wAALCAA8ACgBAREA/8QAGAABAQEBAQAAAAAAAAAAAAAABQYEBwP/xAAmEAABBAIBAwQDAQAAAAAAAAABAAIDESFBMQQGEhNRYXEFMkJS/9oACAEBAAA/AJWBIQpCApCDSQhURBpIQpCDSQgCQhUTAt8KQgSMKQg0oiDkJCBIQjIW+HSG72fCPx3TseX+s6S4wHECgMkjg8ge+fu8UGkhCkIVuY4tY5waXkCw0VZ+M4XLfJr53uYbaXEg+AZef8jA+gq2DSQgSECme+Sz1+jBhqTxNSDYv9TjPxnFnGQp+EKvgSEGl7dWwydDIGt86pxZZAeAQS00CSCARVG+NrmcOkhDpWEC3w8hQndTy7uPqQaHiGAUAP5Bz787WWHS3wchf//Z', 'base64') AS file;
CREATE TEMP TABLE places AS
SELECT region, clip_embed_image(file, 'clip-mini', region) AS embedding FROM scan, unnest('{"0,0,40,9","5,3,30,9","5,3,30,12"}'::text[]) region;
SELECT region, clip_embed_image(substr(file, 1, 300), 'clip-mini', region) = embedding AS same FROM scan, places;
SELECT pg_temp.outcome($$SELECT clip_embed_image(substr(file, 1, 300), 'clip-mini', '0,50,40,9') FROM scan$$);

-- A generated column of regions in the same row.
CREATE TABLE cuttings (
    id integer PRIMARY KEY, image bytea, region text,
    embedding clip_vector(512) GENERATED ALWAYS AS (clip_embed_image(image, 'clip-mini', region)) STORED
);
INSERT INTO cuttings SELECT 1, file, '20,0,20,10' FROM files WHERE name = 'page';
SELECT embedding = clip_embed_image(file, 'clip-mini') AS green FROM cuttings, files WHERE name = 'green';
UPDATE cuttings SET region = '0,0,20,10';
SELECT embedding = clip_embed_image(file, 'clip-mini') AS red FROM cuttings, files WHERE name = 'red';
DROP TABLE cuttings;

-- Newspapers: pages with their scans, and illustrations that are places on them.
CREATE TABLE pages (id integer PRIMARY KEY, newspaper text, issued date, manifest text, image bytea NOT NULL);
CREATE TABLE illustrations (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    page integer NOT NULL REFERENCES pages ON DELETE CASCADE,
    x integer NOT NULL CHECK (x >= 0), y integer NOT NULL CHECK (y >= 0),
    w integer NOT NULL CHECK (w > 0), h integer NOT NULL CHECK (h > 0),
    region text GENERATED ALWAYS AS (x::text || ',' || y::text || ',' || w::text || ',' || h::text) STORED,
    embedding clip_vector(512)
);
CREATE INDEX ON illustrations (page);
INSERT INTO pages SELECT 1, 'Le Petit Journal', '1914-08-02', 'https://example.org/iiif/1/manifest.json', file FROM files WHERE name = 'page';
INSERT INTO pages SELECT 2, 'Le Petit Journal', '1914-08-03', 'https://example.org/iiif/2/manifest.json', file FROM files WHERE name = 'turned';

-- Those that are there, or that a load left without a vector, page by page.
INSERT INTO illustrations (page, x, y, w, h) VALUES (1, 0, 0, 20, 10), (1, 20, 0, 20, 10), (2, 20, 0, 20, 10);
UPDATE illustrations i SET embedding = clip_embed_image(p.image, 'clip-mini', i.region)
FROM pages p WHERE p.id = i.page AND i.embedding IS NULL;
SELECT i.id, region, name FROM illustrations i LEFT JOIN files f ON i.embedding = clip_embed_image(f.file, 'clip-mini') ORDER BY i.id;

-- From now on: as an illustration is written, and as the scan of its page changes.
CREATE FUNCTION embed_illustration() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- NEW.region is not generated yet.
    NEW.embedding := (SELECT clip_embed_image(image, 'clip-mini', format('%s,%s,%s,%s', NEW.x, NEW.y, NEW.w, NEW.h))
                      FROM pages WHERE id = NEW.page);
    RETURN NEW;
END $$;
CREATE TRIGGER embed_illustration BEFORE INSERT OR UPDATE OF page, x, y, w, h ON illustrations
FOR EACH ROW EXECUTE FUNCTION embed_illustration();
CREATE FUNCTION embed_illustrations() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE illustrations SET embedding = clip_embed_image(NEW.image, 'clip-mini', region) WHERE page = NEW.id;
    RETURN NULL;
END $$;
CREATE TRIGGER embed_illustrations AFTER UPDATE OF image ON pages
FOR EACH ROW WHEN (OLD.image IS DISTINCT FROM NEW.image) EXECUTE FUNCTION embed_illustrations();

CREATE TEMP VIEW colours AS
SELECT i.id, page, region, coalesce(name, '-') AS shows
FROM illustrations i LEFT JOIN files f ON name IN ('red', 'green') AND i.embedding = clip_embed_image(f.file, 'clip-mini');
INSERT INTO illustrations (page, x, y, w, h) VALUES (2, 0, 0, 20, 10);
UPDATE illustrations SET x = 0 WHERE id = 3;
SELECT * FROM colours ORDER BY id;
-- A scan that an illustration lies outside of is refused.
SELECT pg_temp.outcome($$UPDATE pages SET image = (SELECT file FROM files WHERE name = 'green') WHERE id = 1$$);
DELETE FROM illustrations WHERE page = 1 AND x = 20;
UPDATE pages SET image = (SELECT file FROM files WHERE name = 'green') WHERE id = 1;
SELECT * FROM colours ORDER BY id;
SELECT pg_temp.outcome('INSERT INTO illustrations (page, x, y, w, h) VALUES (2, 99, 0, 20, 10)');
-- Cut out as it is shown, never stored.
SELECT i.id, width, height FROM illustrations i JOIN pages p ON p.id = i.page, clip_image_info(clip_thumbnail(p.image, 10, i.region)) ORDER BY i.id;
DROP VIEW colours;
DROP TABLE illustrations, pages;
DROP FUNCTION embed_illustration, embed_illustrations;
