-- Fills the tables from a folder of the server. Its subfolders are the classes where no classes.csv has named them.
CALL clip_import(:'folder', 'pictures', size => NULL, sha256 => NULL, taken => NULL);
INSERT INTO prompts
SELECT DISTINCT folder, 'a photo of ' || folder FROM catalogue WHERE folder > '' AND NOT EXISTS (SELECT FROM prompts);

-- From here on again when prompts have changed.
INSERT INTO classes SELECT label, string_agg(prompt, '; ' ORDER BY prompt) FROM prompts GROUP BY label
ON CONFLICT (label) DO UPDATE SET prompt = excluded.prompt;
INSERT INTO classifiers (classifier)
SELECT clip_classifier(array_agg(label ORDER BY label), array_agg(prompt ORDER BY label), 'clip-mini') FROM prompts;
DELETE FROM labels WHERE source = 'model';
INSERT INTO labels (picture, label, source, rank, probability, version)
SELECT id, label, 'model', row_number() OVER (PARTITION BY id ORDER BY probability DESC), probability, version
FROM pictures, (SELECT * FROM classifiers ORDER BY version DESC LIMIT 1) c, clip_classify(embedding, classifier, 2);
VACUUM ANALYZE;
